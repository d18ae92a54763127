"""Relative frequencies mixed with a base distribution, and stupid backoff."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bigram.common.checks import check_number
from bigram.smoothing.base import (
    Auto,
    Base,
    Smoothing,
    base_distribution,
    check_base,
    divide,
    interpolated,
    uniform_weight,
    unmixed_base,
)
from bigram.smoothing.tuning import leave_one_out
from bigram.tables.backoff import BackoffTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.smoothing.statistics import PairCounts

__all__ = ["JelinekMercer", "StupidBackoff", "WittenBell"]

_WEIGHT_RANGE = (1e-6, 1.0 - 1e-6)  # searched by tuning


@dataclass(frozen=True)
class JelinekMercer(Smoothing):
    """Mix relative frequencies with the base: ``P(j | i) = (1 - w) c_ij / c_i + w q_j``.

    Jelinek and Mercer 1980, with one weight for all contexts.

    Parameters
    ----------
    weight : float or "auto", default "auto"
        w, the weight of the base, in [0, 1]. "auto": leave-one-out estimation.
    base, base_uniform
        q, as in `bigram.smoothing.Dirichlet`; None gives uniform the weight
        w too.

    Examples
    --------
    >>> JelinekMercer(0.25).weight
    0.25
    """

    weight: float | Auto = "auto"
    base: Base = "unigram"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        if self.weight != "auto":
            check_number(self.weight, "weight", 0.0, 1.0, "a number in [0, 1]")
        check_base(self)

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> JelinekMercer:
        if held_out is not None:
            return self._tuned_on(held_out, pairs, "weight", *_WEIGHT_RANGE)
        if self.weight != "auto":
            return self
        weight = leave_one_out(
            pairs,
            unmixed_base(self, pairs),
            _mixed,
            *_WEIGHT_RANGE,
            uniform_weight=lambda w: uniform_weight(self, pairs, lambda _: w),
        )
        return replace(self, weight=weight)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        weight = float(self.weight)
        kept = (1.0 - weight) * (pairs.counts / pairs.per_pair(pairs.row_sums))
        backoff = np.full(pairs.vocab_size, weight)
        base = base_distribution(self, pairs, lambda _: weight)
        return interpolated(pairs, kept, backoff, base)


@dataclass(frozen=True)
class WittenBell(Smoothing):
    """Mix in more of the base, the more successors: ``P(j | i) = (c_ij + n_i q_j) / (c_i + n_i)``.

    n_i is the number of distinct successors of i. Witten and Bell 1991, method C; Chen and
    Goodman 1999, section 2.6.

    Parameters
    ----------
    base, base_uniform
        q, as in `bigram.smoothing.Dirichlet`; None gives uniform the weight
        ``T / (N + T)``, for N tokens counted, T of them distinct.

    Examples
    --------
    >>> WittenBell(base="uniform").base
    'uniform'
    """

    base: Base = "unigram"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        check_base(self)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        mass = np.add(pairs.row_sums, pairs.num_successors, dtype=np.float64)  # may pass 2**63
        kept = pairs.counts / pairs.per_pair(mass)
        base = base_distribution(self, pairs, _share_of_types)
        return interpolated(pairs, kept, divide(pairs.num_successors, mass), base)


@dataclass(frozen=True)
class StupidBackoff(Smoothing):
    """Score a pair by ``c_ij / c_i`` if it was seen, else by ``a q_j``; rows do not sum to one.

    Brants et al. 2007. Sampling divides each row by its sum.

    Parameters
    ----------
    a : float, default 0.4
        Positive and finite.
    base, base_uniform
        q, as in `bigram.smoothing.Dirichlet`; None gives uniform the weight
        ``1 / (N + 1)``, as if one more token had been counted: at the base, stupid backoff itself
        ends with the N tokens counted.

    Examples
    --------
    >>> StupidBackoff().a
    0.4
    """

    a: float = 0.4
    base: Base = "unigram"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        check_number(self.a, "a", 1e-300, 1e300, "a positive finite number")
        check_base(self)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        probs = pairs.counts / pairs.per_pair(pairs.row_sums)
        backoff = np.full(pairs.vocab_size, float(self.a))
        base = base_distribution(self, pairs, lambda counts: 1.0 / (float(counts.sum()) + 1.0))
        return BackoffTable(pairs.indptr, pairs.indices, probs, backoff, base)


def _share_of_types(counts: NDArray[np.int64]) -> float:
    types = int(np.count_nonzero(counts))
    return types / (int(counts.sum()) + types)


def _mixed(
    weight: float, count: NDArray[np.float64], total: NDArray[np.float64], q: NDArray[np.float64]
) -> NDArray[np.float64]:
    probs = (1.0 - weight) * count  # in place from here: fresh memory costs more than arithmetic
    probs /= total
    probs += weight * q
    return probs
