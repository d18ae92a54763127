"""The loss of a training run, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bigram.plotting.figure import new_figure

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["loss_curve"]

_COLOURS = ("#0b3c78", "#d1495b")


def loss_curve(
    losses: NDArray[np.float64],
    evaluations: Mapping[str, Sequence[tuple[int, float]]],
    *,
    floor: float,
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss of every step, evaluations, and the floor that counting reaches.

    Parameters
    ----------
    losses : float64 array, shape (steps,)
        In nats.
    evaluations : mapping of str to sequence of (step, loss)
        Up to two named curves; losses that are not finite are left out.
    floor : float
        In nats; drawn as a horizontal line.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is None:
        ax = new_figure(8, 5).add_subplot()
    ax.plot(losses, color="#86b4de", linewidth=1, label="loss of the step")
    for (name, curve), colour in zip(evaluations.items(), _COLOURS, strict=False):
        points = [point for point in curve if math.isfinite(point[1])]
        if points:
            ax.plot(*zip(*points, strict=True), "o-", color=colour, markersize=3, label=name)
    ax.axhline(floor, color="#5b7186", linestyle="--", label=f"counting reaches {floor:.4f}")
    ax.set_xlabel("step")
    ax.set_ylabel("cross-entropy, nats")
    ax.legend()
    return ax
