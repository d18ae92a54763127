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


def maximum(
    value: Callable[[float], float],
    low: float,
    high: float,
    *,
    tolerance: float,
    log_scale: bool = False,
) -> float:
    """Return where a function with one peak is largest in [low, high].

    The place is found to within `tolerance` of the length of the interval, by Brent's method; on a
    logarithmic scale if `log_scale`. Of several peaks it finds one.
    """
    from scipy.optimize import minimize_scalar

    to_scale, from_scale = (math.log, math.exp) if log_scale else (float, float)
    ends = to_scale(low), to_scale(high)
    found = minimize_scalar(
        lambda x: -value(from_scale(x)),
        bounds=ends,
        method="bounded",
        options={"xatol": tolerance * (ends[1] - ends[0])},
    )
    return from_scale(found.x)


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

    Each occurrence of a pair is left out of the counts in turn and predicted by the rest; the base
    stays as it is. The likelihood needs one term for each distinct pair: all occurrences of a pair
    have the same prediction.

    Parameters
    ----------
    pairs : PairCounts
    base : ndarray, shape (V,), float64
    prob : callable
        ``prob(x, c, total, q)``: the probability of pairs under parameter x, with the counts of
        the pairs and of their contexts, both without the occurrence left out, and their base.
    low, high : float
        Where to search.
    log_scale : bool
        Whether to search on a logarithmic scale.

    Returns
    -------
    float
        The middle of the range if no pair can be predicted: a context that occurs once has no
        other occurrence to predict from.
    """
    totals = pairs.per_pair(pairs.row_sums)
    useful = (totals > 1) & (base[pairs.indices] > 0)
    times = pairs.counts[useful].astype(np.float64)
    total, q = totals[useful] - 1.0, base[pairs.indices][useful]
    if len(times) == 0:
        return math.sqrt(low * high) if log_scale else (low + high) / 2.0

    def likelihood(x: float) -> float:
        return float(times @ np.log(prob(x, times - 1.0, total, q)))

    return maximum(likelihood, low, high, tolerance=1e-8, log_scale=log_scale)
