"""Katz's backoff with Good-Turing discounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bigram.common.checks import check_index
from bigram.smoothing.base import Base, Discounts, Smoothing, base_distribution, check_base, divide
from bigram.tables.backoff import BackoffTable
from bigram.tables.backoff_weights import unseen_mass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.smoothing.statistics import PairCounts

__all__ = ["Katz"]


@dataclass(frozen=True)
class Katz(Smoothing):
    """Back off to the base only for pairs never seen, with the mass that Good-Turing frees.

    ``P(j | i) = d(c_ij) c_ij / c_i`` for a pair seen, else ``backoff_i q_j``. With n_r pairs
    counted r times and ``A = (k + 1) n_{k+1} / n_1``, the ratio is
    ``d(r) = ((r + 1) n_{r+1} / (r n_r) - A) / (1 - A)`` for r <= k, and 1 above: high counts are
    reliable and stay as they are. Katz 1987; Chen and Goodman 1999, section 2.5.

    If a ratio is outside (0, 1], k is lowered until all are inside; `Discounts.largest` is the k
    that remains. If none is left, 1/2 is subtracted from each count up to k, and `Discounts` says
    so. A context without free mass gets
    one more count for its unseen successors, as in SRILM.

    Parameters
    ----------
    k : int, default 5
        The largest count that is discounted, at least 1.
    base, base_uniform
        q, as in `bigram.smoothing.Dirichlet`; None gives uniform the weight
        that the discounts of the counts of tokens would free, and at least one count in N + 1.

    Examples
    --------
    >>> Katz().k
    5
    """

    k: int = 5
    base: Base = "unigram"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        check_index(self.k, "k", 1, 1000)
        check_base(self)

    def _taken(self, counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], bool]:
        """Return the discounts of counts 0 to k and one of 0 above, and if they are the fallback.

        In counts, not as ratios: a count r loses ``r (1 - d(r))``.
        """
        n = np.bincount(counts[counts <= self.k + 1], minlength=self.k + 2)
        for k in range(self.k, 0, -1):
            if np.any(n[1 : k + 2] == 0) or (k + 1) * n[k + 1] >= n[1]:
                continue  # a division by zero, or A >= 1
            r = np.arange(1, k + 1)
            common = (k + 1) * n[k + 1] / n[1]
            ratios = ((r + 1) * n[2 : k + 2] / (r * n[1 : k + 1]) - common) / (1.0 - common)
            if np.all((ratios > 0.0) & (ratios <= 1.0)):
                return np.concatenate([[0.0], r * (1.0 - ratios), [0.0]]), False
        return np.concatenate([[0.0], np.full(self.k, 0.5), [0.0]]), True

    def _discounts(self, pairs: PairCounts) -> Discounts:
        taken, fallback = self._taken(pairs.counts)
        d1, d2, d3 = (float(taken[min(r, len(taken) - 1)]) for r in (1, 2, 3))
        largest = len(taken) - 2
        return Discounts((0.0, 0.0, 0.0), (d1, d2, d3), bigram_fallback=fallback, largest=largest)

    def _share_freed(self, counts: NDArray[np.int64]) -> float:
        by_count, _ = self._taken(counts)
        total = float(counts.sum())
        freed = float(by_count[np.minimum(counts, len(by_count) - 1)].sum())
        return max(freed / total, 1.0 / (total + 1.0))

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        base = base_distribution(self, pairs, self._share_freed)
        by_count, _ = self._taken(pairs.counts)
        taken = by_count[np.minimum(pairs.counts, len(by_count) - 1)]
        unseen = unseen_mass(pairs.indptr, pairs.indices, base)
        # Where the base gives the unseen nothing, nothing could receive the mass.
        taken[pairs.per_pair(unseen <= 0.0)] = 0.0
        free = pairs.sum_rows(taken)
        more = (free <= 0.0) & (unseen > 0.0) & (pairs.row_sums > 0)
        mass = np.add(pairs.row_sums, more, dtype=np.float64)  # may pass 2**63
        probs = (pairs.counts - taken) / pairs.per_pair(mass)
        backoff = divide(free + more, mass * unseen)
        backoff[pairs.row_sums == 0] = 1.0  # a context never seen is the base
        return BackoffTable(pairs.indptr, pairs.indices, probs, backoff, base)
