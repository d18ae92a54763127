"""The learning rate of every step, from options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bigram.common.checks import LARGEST, bad_value, check_number

__all__ = ["SCHEDULES", "LearningRate", "learning_rates"]

LearningRate: TypeAlias = "float | Callable[[int], float]"

SCHEDULES = ("constant", "cosine")


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
        The rate, or a function from the step (0, 1, ...) to the rate; a function goes with no
        `schedule` and no `warmup_steps`.
    schedule : {"constant", "cosine"}
        "cosine" falls along half a cosine from `learning_rate` to `final_learning_rate`.
    warmup_steps : int
        The rate rises linearly over this many first steps: step s has (s + 1) / warmup_steps of
        it.
    final_learning_rate : float
        Where "cosine" ends.

    Returns
    -------
    ndarray of float64, shape (steps,)

    Raises
    ------
    ValueError
        If a rate is not positive and finite, or an option is outside its range.

    Examples
    --------
    >>> learning_rates(5, 1.0, schedule="cosine", warmup_steps=2).round(3).tolist()
    [0.5, 1.0, 1.0, 0.75, 0.25]
    """
    if schedule not in SCHEDULES:
        raise bad_value(schedule, "schedule", f"one of {SCHEDULES}")
    if not 0 <= warmup_steps <= steps:
        raise ValueError(f"warmup_steps = {warmup_steps} is outside [0, {steps}]")
    if callable(learning_rate):
        if schedule != "constant" or warmup_steps:
            raise ValueError(
                f"schedule = {schedule!r}, warmup_steps = {warmup_steps}, wanted neither of them "
                "beside a learning_rate that is a function"
            )
        rates = np.array([float(learning_rate(step)) for step in range(steps)])
    else:
        rates = np.full(steps, float(learning_rate))
    if not (np.isfinite(rates).all() and (rates > 0).all()):
        bad = rates[~(np.isfinite(rates) & (rates > 0))][0]
        raise bad_value(bad, "learning_rate", "a positive finite number")
    if schedule == "cosine":
        check_number(
            final_learning_rate, "final_learning_rate", 0.0, LARGEST, "a finite number >= 0"
        )
        left = np.arange(steps - warmup_steps) / max(1, steps - warmup_steps)
        falling = 0.5 * (1 + np.cos(np.pi * left))
        span = rates[warmup_steps:] - final_learning_rate
        rates[warmup_steps:] = final_learning_rate + span * falling
    rates[:warmup_steps] *= np.arange(1, warmup_steps + 1) / max(1, warmup_steps)
    return rates
