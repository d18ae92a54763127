"""What training keeps from step to step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bigram.inference.model import BigramModel

__all__ = ["EarlyStop", "TrainableModel"]


class TrainableModel(BigramModel):
    """What training needs of a model: logits that it changes in place, and word of a change."""

    _weight: NDArray[np.float32]

    def _weight_changed(self) -> None:
        """Forget what was worked out from the weights."""


@dataclass
class EarlyStop:
    """The best weights so far, and for how many evaluations nothing has been better."""

    patience: int
    min_delta: float
    best: float = math.inf
    waited: int = 0
    weight: NDArray[np.float32] | None = None

    def stops(self, loss: float, weight: NDArray[np.float32]) -> bool:
        """Take in an evaluation; True if it is time to stop."""
        if loss < self.best - self.min_delta:
            self.best, self.waited, self.weight = loss, 0, weight.copy()
        else:
            self.waited += 1
        return self.waited >= self.patience
