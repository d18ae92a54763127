"""Methods that subtract a discount from every count and give the mass to the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bigram.common.checks import bad_value, check_index, check_number
from bigram.smoothing.base import (
    Auto,
    Base,
    Discounts,
    Smoothing,
    base_distribution,
    check_base,
    divide,
    interpolated,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.smoothing.statistics import PairCounts
    from bigram.tables.backoff import BackoffTable

__all__ = ["AbsoluteDiscount", "KneserNey", "ModifiedKneserNey"]

_DISCOUNT_RANGE = (1e-6, 1.0)  # searched by tuning
_ONE_FALLBACK = 0.5  # of one discount for all counts
_FALLBACK = (0.5, 1.0, 1.5)  # of lmplz's --discount_fallback


@dataclass(frozen=True)
class AbsoluteDiscount(Smoothing):
    """Subtract d from every count: ``P(j | i) = max(c_ij - d, 0) / c_i + (d n_i / c_i) q_j``.

    n_i is the number of distinct successors of i. Ney, Essen and Kneser 1994.

    Parameters
    ----------
    discount : float or "auto", default "auto"
        d, in (0, 1]. "auto" is ``n1 / (n1 + 2 n2)``, the leave-one-out estimate of the same
        paper, n_k being the number of pairs counted k times; 0.5 if n1 is zero.
    base, base_uniform
        q, as in `bigram.smoothing.Dirichlet`; None gives uniform the weight
        ``d T / N``, for N tokens counted, T of them distinct.

    Examples
    --------
    >>> AbsoluteDiscount(0.75).discount
    0.75
    """

    discount: float | Auto = "auto"
    base: Base = "unigram"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        _check_discount(self.discount)
        check_base(self)

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> AbsoluteDiscount:
        if held_out is not None:
            return self._tuned_on(held_out, pairs, "discount", *_DISCOUNT_RANGE)
        return self

    def _discounts(self, pairs: PairCounts) -> Discounts:
        return _one_discount(self.discount, pairs)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        discount = self._discounts(pairs).bigram
        base = base_distribution(self, pairs, lambda counts: _freed(counts, discount[0]))
        return _discounted(pairs, discount, base)


@dataclass(frozen=True)
class KneserNey(Smoothing):
    """Absolute discounting with a base that counts the distinct contexts of a token.

    ``P(j | i) = max(c_ij - d, 0) / c_i + (d n_i / c_i) q_j``; q_j is the number of distinct
    contexts of j over the number of distinct pairs. Kneser and Ney 1995, interpolated as in Chen
    and Goodman 1999, section 2.7.

    Parameters
    ----------
    discount : float or "auto", default "auto"
        As in `bigram.smoothing.AbsoluteDiscount`.
    base, base_uniform
        q, as in `bigram.smoothing.Dirichlet`; None gives uniform the weight
        ``d T / N``, for N tokens counted, T of them distinct.

    Examples
    --------
    >>> KneserNey().base
    'continuation'
    """

    discount: float | Auto = "auto"
    base: Base = "continuation"
    base_uniform: float | None = None

    def __post_init__(self) -> None:
        _check_discount(self.discount)
        check_base(self)

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> KneserNey:
        if held_out is not None:
            return self._tuned_on(held_out, pairs, "discount", *_DISCOUNT_RANGE)
        return self

    def _discounts(self, pairs: PairCounts) -> Discounts:
        return _one_discount(self.discount, pairs)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        discount = self._discounts(pairs).bigram
        base = base_distribution(self, pairs, lambda counts: _freed(counts, discount[0]))
        return _discounted(pairs, discount, base)


@dataclass(frozen=True)
class ModifiedKneserNey(Smoothing):
    """Kneser-Ney with discounts for counts of one, two and more, as KenLM's lmplz computes it.

    Chen and Goodman 1999, section 3. The discounts are estimated from counts of counts, separately
    for pairs and for continuation counts. The base is the discounted continuation counts,
    interpolated with uniform. Discounts that cannot be estimated (on small or character data) fall
    back to (0.5, 1, 1.5), and `Discounts` says so.

    Parameters
    ----------
    prune : int, default 0
        Pairs counted at most this often are not stored, as with lmplz's ``--prune 0 k``; they
        still enter the estimates.
    compatible : "lmplz" or None, default None
        "lmplz" repeats a quirk of lmplz: in the counts of continuation counts, the word whose
        first occurrence is the latest enters with its count. The discounts then equal lmplz's to
        the last digit, and depend on the order of the text. It has no effect on counts that do
        not know this word.

    Examples
    --------
    >>> ModifiedKneserNey(prune=1).prune
    1
    """

    prune: int = 0
    compatible: Literal["lmplz"] | None = None

    def __post_init__(self) -> None:
        check_index(self.prune, "prune", 0)
        if self.compatible not in (None, "lmplz"):
            raise bad_value(self.compatible, "compatible", "'lmplz' or None")

    def _discounts(self, pairs: PairCounts) -> Discounts:
        continuations = pairs.num_predecessors
        if self.compatible == "lmplz" and pairs.last_new_id is not None:
            continuations = continuations.copy()
            continuations[pairs.last_new_id] = pairs.column_sums[pairs.last_new_id]
        positive = self.compatible is None
        unigram, bigram = (_modified_discounts(n, positive) for n in (continuations, pairs.counts))
        return Discounts(unigram or _FALLBACK, bigram or _FALLBACK, unigram is None, bigram is None)

    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        discounts = self._discounts(pairs)
        base = _discounted_continuations(pairs, discounts.unigram)
        return _discounted(pairs, discounts.bigram, base, self.prune)


def _freed(counts: NDArray[np.int64], discount: float) -> float:
    """Return the share of the counts that one discount for all takes away."""
    return discount * int(np.count_nonzero(counts)) / int(counts.sum())


def _check_discount(discount: object) -> None:
    if discount != "auto":
        check_number(discount, "discount", np.finfo(np.float64).tiny, 1.0, "a number in (0, 1]")


def _one_discount(discount: float | Auto, pairs: PairCounts) -> Discounts:
    """Return one discount for all pairs, the given one or the estimate."""
    fallback = False
    if discount == "auto":
        ones, twos = (int(np.count_nonzero(pairs.counts == k)) for k in (1, 2))
        fallback = ones == 0
        discount = _ONE_FALLBACK if fallback else ones / (ones + 2 * twos)
    d = float(discount)
    return Discounts((0.0, 0.0, 0.0), (d, d, d), bigram_fallback=fallback)


def _modified_discounts(
    counts: NDArray[np.int64], positive: bool
) -> tuple[float, float, float] | None:
    """Return D1, D2 and D3+ (Chen and Goodman 1999, equation 26), or None if there are none.

    ``Y = n1 / (n1 + 2 n2)`` and ``D_k = k - (k + 1) Y n_{k+1} / n_k``, which needs n1, n2 and n3.
    lmplz also refuses a discount below zero or above its count. One of exactly zero, which lmplz
    takes, would leave contexts without any mass for the unseen: it is refused if `positive`.
    """
    n = np.bincount(counts[(counts >= 1) & (counts <= 4)], minlength=5).tolist()
    if 0 in n[1:4]:
        return None
    y = n[1] / (n[1] + 2 * n[2])
    d1, d2, d3 = (k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))
    if min(d1, d2, d3) < 0 or d1 > 1 or d2 > 2 or d3 > 3 or (positive and 0 in (d1, d2, d3)):
        return None
    return d1, d2, d3


def _taken(counts: NDArray[np.int64], discounts: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the discount of each count, none for a count of zero."""
    return np.array((0.0, *discounts)).take(np.minimum(counts, 3))


def _discounted_continuations(
    pairs: PairCounts, discounts: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Return the base, (V,): ``(a_j - D(a_j)) / A + g / V``.

    a_j is the number of distinct contexts of j, A their sum, and g the mass that the discounts
    free (Chen and Goodman 1999, as lmplz interpolates unigrams with uniform).
    """
    size, total = pairs.vocab_size, len(pairs.counts)
    if total == 0:
        return np.full(size, 1.0 / size)
    taken = _taken(pairs.num_predecessors, discounts)
    return np.asarray((pairs.num_predecessors - taken) / total + taken.sum() / total / size)


def _discounted(
    pairs: PairCounts,
    discounts: tuple[float, float, float],
    base: NDArray[np.float64],
    prune: int = 0,
) -> BackoffTable:
    """Interpolate discounted counts with the base; pruned pairs give all their mass to it."""
    taken = _taken(pairs.counts, discounts)
    if prune:
        taken = np.where(pairs.counts <= prune, pairs.counts, taken)
    backoff = divide(pairs.sum_rows(taken), pairs.row_sums)
    kept = (pairs.counts - taken) / pairs.per_pair(pairs.row_sums)
    table = interpolated(pairs, kept, backoff, base)
    return table.select(pairs.counts > prune) if prune else table
