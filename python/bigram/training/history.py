"""What a training run reports: to callbacks while it runs, and as a History at its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bigram.counts.bigram_counts import BigramCounts
from bigram.inference.model import BigramModel
from bigram.plotting.loss_curve import loss_curve

if TYPE_CHECKING:
    from bigram.plotting.figure import Axes


__all__ = ["Callback", "History", "LossEstimate", "TrainingStep", "entropy_floor"]


@dataclass(frozen=True)
class LossEstimate:
    """Mean cross-entropy between two updates, in nats, without the penalty.

    Attributes
    ----------
    step : int
        Updates made before it.
    train_loss, validation_loss : float
        On the training and on the validation data; nan where there are none.
    """

    step: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True)
class TrainingStep:
    """What a callback is given after each update; the training ends if it returns True.

    Attributes
    ----------
    step : int
        From 0.
    loss : float
        Of this step's batch before its update, in nats, with the penalty.
    learning_rate : float
    evaluation : LossEstimate or None
        The one made just before this update, if there was one.
    model : BigramModel
        After the update.
    """

    step: int
    loss: float
    learning_rate: float
    evaluation: LossEstimate | None
    model: BigramModel


Callback: TypeAlias = Callable[[TrainingStep], object]


@dataclass(frozen=True)
class History:
    """What happened in `NeuralModel.fit`.

    Attributes
    ----------
    losses : ndarray of float64, shape (steps,)
        The loss of each step before its update, in nats, with the penalty.
    evaluations : tuple of LossEstimate
    seconds : float
        Wall time of the training, summed over all runs if it was resumed.
    counts : BigramCounts
        The pairs trained on.

    Examples
    --------
    >>> import bigram
    >>> counts = bigram.datasets.load_makemore_counts()
    >>> history = bigram.NeuralModel(27, seed=0).fit(counts, steps=3, learning_rate=50.0)
    >>> history.losses.shape, round(history.floor, 4)
    ((3,), 2.454)
    """

    losses: NDArray[np.float64]
    evaluations: tuple[LossEstimate, ...]
    seconds: float
    counts: BigramCounts = field(repr=False, compare=False)

    @cached_property
    def floor(self) -> float:
        """The least mean loss, in nats, of any bigram model on the training data: counting's."""
        return entropy_floor(self.counts)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the losses, the evaluations, and the floor that counting reaches.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if None.

        Returns
        -------
        matplotlib.axes.Axes
            `.figure.savefig("loss.png")` writes it.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        curves = {
            name: [(e.step, getattr(e, f"{name}_loss")) for e in self.evaluations]
            for name in ("train", "validation")
        }
        return loss_curve(self.losses, curves, floor=self.floor, ax=ax)


def entropy_floor(counts: BigramCounts) -> float:
    """Return the least mean loss of any table: that of the counts' relative frequencies, nats."""
    matrix = counts.matrix
    rows = counts.context_counts().astype(np.float64)
    stored = matrix if isinstance(matrix, np.ndarray) else matrix.data
    cells = stored[stored > 0].astype(np.float64)
    rows = rows[rows > 0]
    total = cells.sum()
    return float((rows @ np.log(rows) - cells @ np.log(cells)) / total) if total else math.nan
