"""Smaller models: pairs that can be left to the backoff at little cost."""

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
    """Store some of the pairs; the backoff of contexts that lost one makes them sum to one."""
    small = table.select(keep)
    changed = np.diff(small.indptr) < np.diff(table.indptr)
    weights = backoff_weights(small.indptr, small.indices, small.probs, small.base)
    backoff = np.where(changed, weights, table.backoff)
    return BackoffTable(small.indptr, small.indices, small.probs, backoff, small.base)


def perplexity_changes(table: BackoffTable) -> NDArray[np.float64]:
    """Return by what part the perplexity would rise without each stored pair alone, (pairs,).

    ``exp(D) - 1``, D the relative entropy between the model and the one without the pair (Stolcke
    1998, section 3)::

        D = -P(h) (P(w|h) (ln P(w) + ln a' - ln P(w|h)) + (ln a' - ln a) (1 - sum of seen P(v|h)))

    with h the context, w the token, a and a' the backoff before and after; P(h) is the base's.
    """
    lengths = np.diff(table.indptr)
    rows = np.repeat(np.arange(table.vocab_size), lengths)
    p, q = table.probs, table.base[table.indices]
    unseen = unseen_mass(table.indptr, table.indices, table.base)[rows]
    stored = np.bincount(rows, weights=p, minlength=table.vocab_size)
    free = np.maximum(1.0 - stored, 0.0)[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        after = np.log((free + p) / (unseen + q))
        lost = p * (np.log(q) + after - np.log(p))
        rescaled = (after - np.log(table.backoff[rows])) * free
    lost[p == 0.0] = 0.0
    rescaled[free == 0.0] = 0.0
    with np.errstate(over="ignore"):
        changes: NDArray[np.float64] = np.expm1(-table.base[rows] * (lost + rescaled))
    return changes


def rare_pairs_left_out(counts: BigramCounts, smoothing: Smoothing, min_count: int) -> BackoffTable:
    """Smooth counts, and leave pairs counted less often to the backoff.

    `ModifiedKneserNey` does it as lmplz: all that was counted of a pair joins its context's
    backoff. Under other methods the pairs that stay keep their probabilities.
    """
    if isinstance(smoothing, ModifiedKneserNey):
        prune = max(smoothing.prune, min_count - 1)
        return replace(smoothing, prune=prune).backoff_table(counts)
    table = smoothing.backoff_table(counts)
    return without_pairs(table, PairCounts.of(counts).counts >= min_count)
