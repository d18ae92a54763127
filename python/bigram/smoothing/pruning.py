"""Smaller models: which pairs can be left to the backoff at little cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bigram.smoothing.base import Smoothing
from bigram.smoothing.discounting import ModifiedKneserNey
from bigram.smoothing.statistics import PairCounts
from bigram.tables.backoff import BackoffTable
from bigram.tables.backoff_weights import backoff_weights, unseen_mass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.counts.bigram_counts import BigramCounts

__all__ = ["pairs_to_keep", "rare_pairs_left_out", "without_pairs"]


def without_pairs(table: BackoffTable, keep: NDArray[np.bool_]) -> BackoffTable:
    """Return a table that stores some of the pairs; rows that lost one sum to one again.

    Their backoff is computed anew. Other rows stay as they are, whatever they sum to.
    """
    small = table.select(keep)
    changed = np.diff(small.indptr) < np.diff(table.indptr)
    weights = backoff_weights(small.indptr, small.indices, small.probs, small.base)
    backoff = np.where(changed, weights, table.backoff)
    return BackoffTable(small.indptr, small.indices, small.probs, backoff, small.base)


def pairs_to_keep(
    table: BackoffTable, context_probs: NDArray[np.float64], threshold: float
) -> NDArray[np.bool_]:
    """Return which pairs stay if those are left out that raise the perplexity by less, (pairs,).

    A pair is left out if that multiplies the perplexity by less than ``1 + threshold``, all pairs
    left out before it being gone: n pairs multiply it by less than ``(1 + threshold)**n``. The
    perplexity is that of text from the model itself, ``exp(D)`` the factor, with D the relative
    entropy between the models with and without the pair (Stolcke 1998, section 3). Judging each
    pair as if it alone were left out would empty a context that has seen every token: there, any
    one pair is recovered from the sum of the others, but not two.

    Parameters
    ----------
    table : BackoffTable
    context_probs : ndarray, shape (V,), float64
        P(h), how often each context occurs.
    threshold : float

    Raises
    ------
    ValueError
        If the rows do not sum to one: a relative entropy needs probabilities.
    """
    if not table.is_normalized:
        raise ValueError(
            f"threshold = {threshold} needs rows that sum to one, as those of StupidBackoff do "
            "not: prune by min_count"
        )
    keep = np.ones(table.num_pairs, np.bool_)
    rows = np.repeat(np.arange(table.vocab_size), np.diff(table.indptr))
    p, q = table.probs, table.base[table.indices]
    most = np.divide(
        np.log1p(threshold),
        context_probs,
        out=np.full(table.vocab_size, np.inf),
        where=context_probs > 0.0,
    )
    left = np.arange(table.num_pairs)
    while len(left):
        # Pass after pass over the rows that lost a pair in the one before. In a row, pairs go from
        # the cheapest on, and the first one that has become too dear ends the pass.
        free, unseen = _left_to_the_backoff(table, keep)
        at = rows[left]
        alone = _divergence(p[left], q[left], free[at], unseen[at])
        cheap = alone < most[at]
        left, alone = left[cheap], alone[cheap]
        order = np.lexsort((p[left], alone, rows[left]))
        left = left[order]
        at, p_left, q_left = rows[left], p[left], q[left]
        first = np.searchsorted(at, at)  # of the row
        free_then = free[at] + _sums_before(p_left, first)
        unseen_then = unseen[at] + _sums_before(q_left, first)
        dear = _divergence(p_left, q_left, free_then, unseen_then) >= most[at]
        num_dear = np.concatenate([[0], np.cumsum(dear)])
        goes = num_dear[1:] == num_dear[first]
        keep[left[goes]] = False
        again = np.zeros(table.vocab_size, np.bool_)
        again[at[goes]] = True
        left = np.flatnonzero(keep & again[rows])
    return keep


def _left_to_the_backoff(
    table: BackoffTable, keep: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mass of the tokens not kept, in each row and in the base, (V,) each."""
    small = table.select(keep)
    rows = np.repeat(np.arange(table.vocab_size), np.diff(small.indptr))
    stored = np.bincount(rows, weights=small.probs, minlength=table.vocab_size)
    unseen = unseen_mass(small.indptr, small.indices, small.base)
    return np.where(unseen > 0.0, np.maximum(1.0 - stored, 0.0), 0.0), unseen


def _divergence(
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    free: NDArray[np.float64],
    unseen: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the relative entropy of a row to the row with one more pair left to the backoff.

    ``p ln(p / (a q)) + free ln(free / (a unseen))`` with ``a = (free + p) / (unseen + q)`` the new
    backoff. The row has mass `free` on tokens of mass `unseen` in the base, before the pair joins
    them. inf for a pair whose token has no mass in the base: it would become impossible.
    """
    # With d = p unseen - q free the logarithms are near log1p(0) where the pair is what the backoff
    # gives, so nothing cancels. Zeros make 0 * -inf, which stands for a term of zero.
    d = p * unseen - q * free
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        of_pair = p * np.log1p(d / (q * (free + p)))
        of_rest = free * np.log1p(-d / (unseen * (free + p)))
    of_pair[p == 0.0] = 0.0
    of_rest[(free == 0.0) | (unseen == 0.0)] = 0.0
    of_pair[(free == 0.0) & (unseen == 0.0)] = 0.0
    of_pair[(q == 0.0) & (p > 0.0)] = np.inf
    return np.maximum(of_pair + of_rest, 0.0)


def _sums_before(values: NDArray[np.float64], first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of the values from `first`, where a row begins, to before each one.

    By doubling: a running sum over all rows would round the small sums of one row to the digits of
    those before it.
    """
    place = np.arange(len(values))
    sums, step = values.copy(), 1
    longest = int((place - first).max(initial=0))
    while step <= longest:
        inside = np.flatnonzero(place - first >= step)
        sums[inside] += sums[inside - step]
        step *= 2
    return np.where(place > first, np.concatenate([[0.0], sums[:-1]]), 0.0)


def rare_pairs_left_out(counts: BigramCounts, smoothing: Smoothing, min_count: int) -> BackoffTable:
    """Return the smoothed counts, with pairs counted less often left to the backoff.

    `ModifiedKneserNey` prunes as lmplz does: the whole count of a pruned pair goes to the backoff
    of its context. Under other methods, the pairs that stay keep their probabilities. Under
    `StupidBackoff`, a pruned pair gets the score of a pair never seen.
    """
    if isinstance(smoothing, ModifiedKneserNey):
        prune = max(smoothing.prune, min_count - 1)
        return replace(smoothing, prune=prune).backoff_table(counts)
    table = smoothing.backoff_table(counts)
    keep = PairCounts.of(counts).counts >= min_count
    return without_pairs(table, keep) if table.is_normalized else table.select(keep)
