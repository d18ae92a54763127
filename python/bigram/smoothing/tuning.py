"""Choosing the free parameter of a smoothing method: on held-out text, or by leaving one out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.smoothing.base import Smoothing
    from bigram.smoothing.statistics import PairCounts

    SmoothingT = TypeVar("SmoothingT", bound=Smoothing)

__all__ = ["leave_one_out", "maximum", "tuned_on"]

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def maximum(value: Callable[[float], float], low: float, high: float, steps: int = 40) -> float:
    """Return where a function of one peak is largest in [low, high], by golden sections."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    for _ in range(steps):
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = value(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = value(right)
    return (low + high) / 2.0


def tuned_on(
    held_out: PairCounts,
    pairs: PairCounts,
    smoothing: SmoothingT,
    option: str,
    low: float,
    high: float,
    *,
    log_scale: bool = False,
) -> SmoothingT:
    """Return the smoothing with the option in [low, high] that likes the held-out pairs best.

    Pairs to which no choice gives a probability are left out of the sum.
    """
    contexts = held_out.per_pair(np.arange(held_out.vocab_size))
    scale: Callable[[float], float] = math.exp if log_scale else float

    def chosen(x: float) -> SmoothingT:
        return replace(smoothing, **{option: scale(x)})

    def likelihood(x: float) -> float:
        table = chosen(x)._smooth(pairs)
        scores = table.pair_log_probs(contexts, held_out.indices)
        return float(held_out.counts @ np.where(np.isfinite(scores), scores, 0.0))

    ends = (math.log(low), math.log(high)) if log_scale else (low, high)
    return chosen(maximum(likelihood, *ends, steps=24))


def leave_one_out(
    pairs: PairCounts,
    base: NDArray[np.float64],
    prob: Callable[
        [float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        NDArray[np.float64],
    ],
    low: float,
    high: float,
    *,
    log_scale: bool = False,
) -> float:
    """Return the parameter in [low, high] under which pairs predict each other best.

    Each pair in turn is left out of the counts and predicted by the rest; the base stays.
    `prob(x, c, total, q)` is its probability under parameter x, of its count, its context's count
    (both without it) and its base. Contexts seen once say nothing. Where nothing is said, the
    middle of the range is returned.
    """
    totals = pairs.per_pair(pairs.row_sums)
    useful = (totals > 1) & (base[pairs.indices] > 0)
    times = pairs.counts[useful].astype(np.float64)
    total, q = totals[useful] - 1.0, base[pairs.indices][useful]
    scale: Callable[[float], float] = math.exp if log_scale else float
    ends = (math.log(low), math.log(high)) if log_scale else (low, high)
    if len(times) == 0:
        return scale((ends[0] + ends[1]) / 2.0)

    def likelihood(x: float) -> float:
        return float(times @ np.log(prob(scale(x), times - 1.0, total, q)))

    return scale(maximum(likelihood, *ends))
