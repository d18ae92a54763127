"""What turns a gradient into an update: optimizers and learning-rate schedules, as options."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["SGD", "AdamW", "LearningRate", "learning_rates", "resolve_optimizer"]

LearningRate: TypeAlias = "float | Callable[[int], float]"

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class SGD:
    """Gradient descent, with momentum and coupled weight decay as in `torch.optim.SGD`.

    Of a gradient g the update makes ``g += weight_decay * w``, ``buffer = momentum * buffer + g``
    and ``w -= learning_rate * buffer``.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    weight_decay : float
        Not negative.

    Examples
    --------
    >>> SGD(momentum=0.9)
    SGD(momentum=0.9, weight_decay=0.0)
    """

    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_fraction("momentum", self.momentum)
        _check_not_negative("weight_decay", self.weight_decay)

    @property
    def num_buffers(self) -> int:
        """How many arrays of the weight's shape the optimizer carries from step to step."""
        return int(self.momentum > 0)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay: the defaults and the update order of `torch.optim.AdamW`.

    Loshchilov and Hutter 2019. ``w -= learning_rate * weight_decay * w``, then running means
    m of g and v of g * g, and ``w -= learning_rate * (m / c1) / (sqrt(v / c2) + eps)`` with
    ``c = 1 - beta**step``.

    Parameters
    ----------
    betas : (float, float)
        Each in [0, 1): how slowly m and v forget.
    eps : float
        Positive.
    weight_decay : float
        Not negative.

    Examples
    --------
    >>> AdamW()
    AdamW(betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        if len(self.betas) != 2:
            raise ValueError(f"betas = {self.betas}, wanted two numbers")
        object.__setattr__(self, "betas", (float(self.betas[0]), float(self.betas[1])))
        for position, beta in enumerate(self.betas):
            _check_fraction(f"betas[{position}]", beta)
        if not 0 < self.eps < math.inf:
            raise ValueError(f"eps = {self.eps}, wanted a positive number")
        _check_not_negative("weight_decay", self.weight_decay)

    @property
    def num_buffers(self) -> int:
        """How many arrays of the weight's shape the optimizer carries from step to step."""
        return 2


def resolve_optimizer(optimizer: Any, weight_decay: float | None) -> SGD | AdamW:
    """Return the optimizer of that name, or the given one, with `weight_decay` where it is set."""
    if isinstance(optimizer, str):
        named: dict[str, SGD | AdamW] = {"sgd": SGD(), "adamw": AdamW()}
        if optimizer.lower() not in named:
            raise ValueError(f"optimizer = {optimizer!r}, wanted 'sgd', 'adamw', SGD or AdamW")
        optimizer = named[optimizer.lower()]
    if not isinstance(optimizer, (SGD, AdamW)):
        kind = type(optimizer).__name__
        raise TypeError(f"optimizer is {kind}, wanted 'sgd', 'adamw', bigram.SGD or bigram.AdamW")
    if weight_decay is None:
        return optimizer
    return dataclasses.replace(optimizer, weight_decay=weight_decay)


def learning_rates(
    steps: int,
    learning_rate: LearningRate,
    *,
    schedule: str = "constant",
    warmup_steps: int = 0,
    final_learning_rate: float = 0.0,
) -> NDArray[np.float64]:
    """Lay out the learning rate of every step.

    Parameters
    ----------
    steps : int
        How many steps.
    learning_rate : float or callable
        The rate, or a function from the step (0, 1, ...) to the rate; then the rest must be
        left alone.
    schedule : {"constant", "cosine"}
        "cosine" falls along half a cosine from `learning_rate` to `final_learning_rate`.
    warmup_steps : int
        Over so many first steps the rate rises linearly: step s has (s + 1) / warmup_steps of it.
    final_learning_rate : float
        Where "cosine" ends.

    Returns
    -------
    ndarray of float64, shape (steps,)

    Raises
    ------
    ValueError
        A rate is not positive and finite, or an option is unknown.

    Examples
    --------
    >>> learning_rates(5, 1.0, schedule="cosine", warmup_steps=2).round(3).tolist()
    [0.5, 1.0, 1.0, 0.75, 0.25]
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule = {schedule!r}, wanted one of {SCHEDULES}")
    if not 0 <= warmup_steps <= steps:
        raise ValueError(f"warmup_steps = {warmup_steps} is outside [0, {steps}]")
    if callable(learning_rate):
        if schedule != "constant" or warmup_steps:
            raise ValueError("learning_rate is a function: schedule and warmup_steps say it twice")
        rates = np.array([float(learning_rate(step)) for step in range(steps)])
    else:
        rates = np.full(steps, float(learning_rate))
    if not (np.isfinite(rates).all() and (rates > 0).all()):
        bad = rates[~(np.isfinite(rates) & (rates > 0))][0]
        raise ValueError(f"learning_rate = {bad}, wanted a positive number")
    if schedule == "cosine":
        _check_not_negative("final_learning_rate", final_learning_rate)
        left = np.arange(steps - warmup_steps) / max(1, steps - warmup_steps)
        falling = 0.5 * (1 + np.cos(np.pi * left))
        span = rates[warmup_steps:] - final_learning_rate
        rates[warmup_steps:] = final_learning_rate + span * falling
    rates[:warmup_steps] *= np.arange(1, warmup_steps + 1) / max(1, warmup_steps)
    return rates


def _check_fraction(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name} = {value} is outside [0, 1)")


def _check_not_negative(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} = {value}, wanted a number that is not negative")
