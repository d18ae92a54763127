"""Maximum likelihood, and counts with something added to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bigram import kernels
from bigram.smoothing.base import Smoothing, check_number
from bigram.tables import BackoffTable, DenseTable

if TYPE_CHECKING:
    from bigram.counts import BigramCounts
    from bigram.smoothing.pair_counts import PairCounts

__all__ = ["MLE", "AddK"]


@dataclass(frozen=True)
class MLE(Smoothing):
    """Maximum likelihood: ``P(j | i) = c_ij / c_i``, no smoothing at all.

    A pair never seen has probability zero. A context never seen has no distribution: its scores
    are -inf, and sampling from it raises.

    Examples
    --------
    >>> MLE().to_json()
    {'name': 'MLE'}
    """

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        probs = pairs.counts / pairs.per_pair(pairs.row_sums)
        size = pairs.vocab_size
        return BackoffTable(
            pairs.indptr, pairs.indices, probs, np.zeros(size), np.full(size, 1.0 / size)
        )

    def table(self, counts: BigramCounts) -> DenseTable | BackoffTable:
        """Return the model; see `Smoothing.table`."""
        return _dense_or_backoff(self, counts, 0.0)


@dataclass(frozen=True)
class AddK(Smoothing):
    """Add k to every count: ``P(j | i) = (c_ij + k) / (c_i + k V)`` (Lidstone; Laplace for k = 1).

    Parameters
    ----------
    k : float, default 1.0
        Finite, not negative. 0 is maximum likelihood.

    Examples
    --------
    >>> AddK(0.5)
    AddK(k=0.5)
    """

    k: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.k, "k", 0.0, np.finfo(np.float64).max, "finite and not negative")

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        size = pairs.vocab_size
        added = self.k * size
        mass = pairs.row_sums + added
        probs = (pairs.counts + self.k) / pairs.per_pair(mass)
        backoff = np.divide(added, mass, out=np.zeros(size), where=mass > 0)
        return BackoffTable(pairs.indptr, pairs.indices, probs, backoff, np.full(size, 1.0 / size))

    def table(self, counts: BigramCounts) -> DenseTable | BackoffTable:
        """Return the model; see `Smoothing.table`."""
        return _dense_or_backoff(self, counts, self.k)


def _dense_or_backoff(
    smoothing: Smoothing, counts: BigramCounts, alpha: float
) -> DenseTable | BackoffTable:
    if isinstance(counts.matrix, np.ndarray):
        return DenseTable(kernels.normalize_rows(counts.matrix, alpha=alpha))
    return smoothing.backoff_table(counts)
