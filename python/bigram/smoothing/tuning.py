"""Search for the free parameter of a smoothing method, and the leave-one-out likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.smoothing.statistics import PairCounts

__all__ = ["leave_one_out", "maximum"]

_GRID = 25  # places looked at first, the ends included
_PEAKS = 3  # of the grid, that are refined


def maximum(
    value: Callable[[float], float],
    low: float,
    high: float,
    *,
    tolerance: float,
    log_scale: bool = False,
) -> float:
    """Return where a function is largest in [low, high].

    A likelihood may have several peaks. The function is first computed on a grid; then Brent's
    method refines the best peaks of the grid, to within `tolerance` of the length of the interval.
    Both are on a logarithmic scale if `log_scale`. The function may be -inf.
    """
    from scipy.optimize import minimize_scalar

    to_scale, from_scale = (math.log, math.exp) if log_scale else (float, float)
    ends = to_scale(low), to_scale(high)
    grid = np.linspace(*ends, _GRID)

    def loss(x: float) -> float:
        # exp(log(high)) may be above high. No -inf: Brent's parabolas would turn to nan.
        return -max(value(min(max(from_scale(x), low), high)), -1e300)

    losses = np.array([loss(x) for x in grid])
    around = np.concatenate([[np.inf], losses, [np.inf]])
    peaks = np.flatnonzero((losses <= around[:-2]) & (losses <= around[2:]))
    best, least = float(grid[losses.argmin()]), float(losses.min())
    for peak in peaks[losses[peaks].argsort(kind="stable")][:_PEAKS]:
        found = minimize_scalar(
            loss,
            bounds=(grid[max(peak - 1, 0)], grid[min(peak + 1, _GRID - 1)]),
            method="bounded",
            options={"xatol": tolerance * (ends[1] - ends[0])},
        )
        if found.fun < least:
            best, least = float(found.x), float(found.fun)
    return min(max(from_scale(best), low), high)


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
    uniform_weight: Callable[[float], float] = lambda _: 0.0,
) -> float:
    """Return the parameter in [low, high] under which pairs predict each other best.

    Each occurrence of a pair is left out of the counts in turn and predicted by the rest; the base
    stays as it is. The likelihood needs one term for each distinct pair: all occurrences of a pair
    have the same prediction.

    Parameters
    ----------
    pairs : PairCounts
    base : ndarray, shape (V,), float64
    prob : callable
        ``prob(x, c, total, q)``: a new array, the probability of pairs under parameter x, with
        the counts of the pairs and of their contexts, both without the occurrence left out, and
        their base.
    low, high : float
        Where to search.
    log_scale : bool
        Whether to search on a logarithmic scale.
    uniform_weight : callable
        The weight of uniform mixed into the base under parameter x.

    Returns
    -------
    float
        The middle of the range if no pair can be predicted: a context that occurs once has no
        other occurrence to predict from.
    """
    totals = pairs.per_pair(pairs.row_sums)
    middle = math.sqrt(low * high) if log_scale else (low + high) / 2.0
    useful = totals > 1
    if uniform_weight(middle) == 0.0:
        useful &= base[pairs.indices] > 0
    times = pairs.counts[useful].astype(np.float64)
    others = times - 1.0
    total, unmixed = totals[useful] - 1.0, base[pairs.indices][useful]
    if len(times) == 0:
        return middle

    def likelihood(x: float) -> float:
        weight, q = uniform_weight(x), unmixed
        if weight:
            q = (1.0 - weight) * unmixed
            q += weight / len(base)
        probs = prob(x, others, total, q)
        return float(times @ np.log(probs, out=probs))

    return maximum(likelihood, low, high, tolerance=1e-8, log_scale=log_scale)
