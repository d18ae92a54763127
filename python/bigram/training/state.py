"""What a training run changes from step to step: all that a checkpoint has to hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bigram.kernels.training import TrainingSteps
from bigram.training.batches import PairBatches, WindowBatches, batches_for
from bigram.training.data import TrainingData
from bigram.training.history import LossEstimate
from bigram.training.optimizers import update_rule
from bigram.training.options import TrainingOptions

__all__ = ["EarlyStop", "TrainingState"]


@dataclass
class EarlyStop:
    """The best weights so far, and how many evaluations since then were not better."""

    patience: int
    min_delta: float
    best: float = math.inf
    waited: int = 0
    weight: NDArray[np.float32] | None = None

    def should_stop(self, loss: float, weight: NDArray[np.float32]) -> bool:
        """Take in an evaluation, and tell whether it is time to stop."""
        if loss < self.best - self.min_delta:
            self.best, self.waited, self.weight = loss, 0, weight.copy()
        else:
            self.waited += 1
        return self.waited >= self.patience


@dataclass
class TrainingState:
    """Where a run is: the arrays and numbers that each step changes.

    Attributes
    ----------
    weight : ndarray of float32, shape (V, V)
        The model's own array, changed in place.
    buffers : list of ndarray of float32, shape (V, V)
        The optimizer's: none for SGD, one with momentum, two for AdamW.
    losses : ndarray of float64, shape (steps,)
        The first `step` are known.
    batches : WindowBatches, PairBatches or None
        Where the next minibatch comes from; None in full batches.
    early : EarlyStop or None
        None without `patience`.
    evaluations : list of LossEstimate
    step : int
        Updates made.
    seconds : float
        Wall time, over all runs where this one was resumed.
    stopped : bool
        Whether to end before the last step.
    """

    weight: NDArray[np.float32]
    buffers: list[NDArray[np.float32]]
    losses: NDArray[np.float64]
    batches: WindowBatches | PairBatches | None
    early: EarlyStop | None
    evaluations: list[LossEstimate] = field(default_factory=list)
    step: int = 0
    seconds: float = 0.0
    stopped: bool = False

    @classmethod
    def at_start(
        cls, weight: NDArray[np.float32], data: TrainingData, options: TrainingOptions
    ) -> TrainingState:
        """Return the state before the first step."""
        return cls(
            weight=weight,
            buffers=[np.zeros_like(weight) for _ in range(options.method.num_buffers)],
            losses=np.empty(options.steps),
            batches=batches_for(data, options),
            early=EarlyStop(options.patience, options.min_delta) if options.patience else None,
        )

    def is_over(self) -> bool:
        """Tell whether no step is left to make."""
        return self.stopped or self.step == len(self.losses)

    def arrays(self) -> list[NDArray[np.float32]]:
        """Return the arrays that an update changes."""
        return [self.weight, *self.buffers]

    def next_steps(self, number: int, options: TrainingOptions) -> TrainingSteps:
        """Describe the next steps as the kernel takes them; it writes their losses."""
        some = slice(self.step, self.step + number)
        return TrainingSteps(
            losses=self.losses[some],
            learning_rates=options.learning_rates[some],
            steps_before=self.step,
            rule=update_rule(options.method),
            l2=options.l2,
            clip_norm=options.clip_norm,
            num_threads=options.num_threads,
        )
