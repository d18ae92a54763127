"""Maximum likelihood, and pseudo-counts added to the counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram import kernels
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
from bigram.tables.dense import DenseTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.counts.bigram_counts import BigramCounts
    from bigram.smoothing.statistics import PairCounts

__all__ = ["MLE", "AddK", "Dirichlet"]

_SMALLEST, _LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)
_MU_RANGE = (1e-6, 1e9)  # searched by tuning


@dataclass(frozen=True)
class MLE(Smoothing):
    """Maximum likelihood: ``P(j | i) = c_ij / c_i``, without smoothing.

    A pair never seen has probability zero. A context never seen has no distribution: its scores
    are -inf, and sampling from it raises ValueError.

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

    def _dense_table(
        self,
        counts: BigramCounts,  # noqa: ARG002 - the matrix is enough
        matrix: NDArray[np.int64],
    ) -> DenseTable:
        return DenseTable(kernels.normalize_rows(matrix))


@dataclass(frozen=True)
class AddK(Smoothing):
    """Add k to every count: ``P(j | i) = (c_ij + k) / (c_i + k V)`` (Lidstone; Laplace for k = 1).

    Parameters
    ----------
    k : float or "auto", default 1.0
        Finite, not negative. 0 is maximum likelihood. "auto": leave-one-out estimation.

    Examples
    --------
    >>> AddK(0.5)
    AddK(k=0.5)
    """

    k: float | Auto = 1.0

    def __post_init__(self) -> None:
        if self.k != "auto":
            check_number(self.k, "k", 0.0, _LARGEST, "a finite number >= 0")

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> AddK:
        low, high = _MU_RANGE[0] / pairs.vocab_size, _MU_RANGE[1] / pairs.vocab_size
        if held_out is not None:
            return self._tuned_on(held_out, pairs, "k", low, high, log_scale=True)
        if self.k != "auto":
            return self
        # Adding k to every count is adding mu = k V spread evenly.
        uniform = np.full(pairs.vocab_size, 1.0 / pairs.vocab_size)
        mu = leave_one_out(pairs, uniform, _dirichlet, *_MU_RANGE, log_scale=True)
        return AddK(mu / pairs.vocab_size)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        size, k = pairs.vocab_size, float(self.k)
        # Where k V is beyond float64, both sides of each fraction are divided by k.
        unit = 1.0 if math.isfinite(k * size) else k
        added = k / unit * size
        mass = pairs.row_sums / unit + added
        probs = (pairs.counts / unit + k / unit) / pairs.per_pair(mass)
        backoff = divide(np.full(size, added), mass)
        return BackoffTable(pairs.indptr, pairs.indices, probs, backoff, np.full(size, 1.0 / size))

    def _dense_table(self, counts: BigramCounts, matrix: NDArray[np.int64]) -> DenseTable:
        return DenseTable(kernels.normalize_rows(matrix, alpha=float(self.tuned(counts).k)))


@dataclass(frozen=True)
class Dirichlet(Smoothing):
    """Add mu pseudo-counts, spread as the base: ``P(j | i) = (c_ij + mu q_j) / (c_i + mu)``.

    MacKay and Peto 1995; Zhai and Lafferty 2004, section 3.

    Parameters
    ----------
    mu : float or "auto", default "auto"
        Positive and finite. "auto": leave-one-out estimation.
    base : "unigram", "continuation", "uniform" or array of float, shape (V,)
        q. "unigram": in proportion to how often each token follows another. "continuation": in
        proportion to how many distinct contexts it follows.
    base_uniform : float or None, default None
        Weight in [0, 1] of the uniform distribution mixed into q. With 0, a token never seen has
        probability zero. None takes what the method itself would give to uniform if it smoothed
        the counts of tokens, N in all: here ``mu / (N + mu)``; an array stays as it is.

    Examples
    --------
    >>> Dirichlet(100.0).mu
    100.0
    """

    mu: float | Auto = "auto"
    base: Base = "unigram"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        if self.mu != "auto":
            check_number(self.mu, "mu", _SMALLEST, _LARGEST, "a positive finite number")
        check_base(self)

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> Dirichlet:
        if held_out is not None:
            return self._tuned_on(held_out, pairs, "mu", *_MU_RANGE, log_scale=True)
        if self.mu != "auto":
            return self
        mu = leave_one_out(
            pairs,
            unmixed_base(self, pairs),
            _dirichlet,
            *_MU_RANGE,
            log_scale=True,
            uniform_weight=lambda mu: uniform_weight(self, pairs, partial(_share, mu)),
        )
        return replace(self, mu=mu)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        mu = float(self.mu)
        mass = np.add(pairs.row_sums, mu, dtype=np.float64)
        kept = pairs.counts / pairs.per_pair(mass)
        base = base_distribution(self, pairs, partial(_share, mu))
        return interpolated(pairs, kept, mu / mass, base)


def _share(mu: float, counts: NDArray[np.int64]) -> float:
    """Return what mu pseudo-counts, spread evenly, are of all counts."""
    return mu / (float(counts.sum()) + mu)


def _dirichlet(
    mu: float, count: NDArray[np.float64], total: NDArray[np.float64], q: NDArray[np.float64]
) -> NDArray[Any]:
    probs = mu * q  # in place from here: fresh memory costs more than the arithmetic
    probs += count
    probs /= total + mu
    return probs
