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

__all__ = ["perplexity_changes", "rare_pairs_left_out", "without_pairs"]


def without_pairs(table: BackoffTable, keep: NDArray[np.bool_]) -> BackoffTable:
    """Return a table that stores some of the pairs; rows that lost one sum to one again.

    Their backoff is computed anew. Other rows stay as they are, whatever they sum to.
    """
    small = table.select(keep)
    changed = np.diff(small.indptr) < np.diff(table.indptr)
    weights = backoff_weights(small.indptr, small.indices, small.probs, small.base)
    backoff = np.where(changed, weights, table.backoff)
    return BackoffTable(small.indptr, small.indices, small.probs, backoff, small.base)


def perplexity_changes(table: BackoffTable) -> NDArray[np.float64]:
    """Return the relative rise of the perplexity if one stored pair is left out, (pairs,).

    It is ``exp(D) - 1``, D being the relative entropy between the model and the model without the
    pair (Stolcke 1998, section 3)::

        D = -P(h) (P(w|h) (ln P(w) + ln a' - ln P(w|h)) + (ln a' - ln a) (1 - sum of seen P(v|h)))

    with h the context, w the token, a and a' the backoff before and after. P(h) is the base's
    probability of h. inf for a pair whose token has no mass in the base: it must not be pruned.
    """
    lengths = np.diff(table.indptr)
    rows = np.repeat(np.arange(table.vocab_size), lengths)
    p, q = table.probs, table.base[table.indices]
    unseen = unseen_mass(table.indptr, table.indices, table.base)[rows]
    stored = np.bincount(rows, weights=p, minlength=table.vocab_size)
    free = np.maximum(1.0 - stored, 0.0)[rows]
    # Zeros among p, q, free and the backoff make infinities, which are meant, and nan from 0 * inf,
    # which stands for a term of zero and is set so below.
    with np.errstate(divide="ignore", invalid="ignore"):
        after = np.log((free + p) / (unseen + q))
        lost = p * (np.log(q) + after - np.log(p))
        rescaled = (after - np.log(table.backoff[rows])) * free
    lost[p == 0.0] = 0.0
    rescaled[free == 0.0] = 0.0
    with np.errstate(over="ignore"):  # inf for a pair that costs more than float64 holds
        changes: NDArray[np.float64] = np.expm1(-table.base[rows] * (lost + rescaled))
    return changes


def rare_pairs_left_out(counts: BigramCounts, smoothing: Smoothing, min_count: int) -> BackoffTable:
    """Return the smoothed counts, with pairs counted less often left to the backoff.

    `ModifiedKneserNey` prunes as lmplz does: the whole count of a pruned pair goes to the backoff
    of its context. Under other methods, the pairs that stay keep their probabilities.
    """
    if isinstance(smoothing, ModifiedKneserNey):
        prune = max(smoothing.prune, min_count - 1)
        return replace(smoothing, prune=prune).backoff_table(counts)
    table = smoothing.backoff_table(counts)
    return without_pairs(table, PairCounts.of(counts).counts >= min_count)
