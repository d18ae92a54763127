"""A table with a backoff at another temperature, without building a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Heated", "heated"]

_FAINT = 600.0  # exp(-600) is not yet subnormal
_GONE = 745.0  # exp(-746) is zero


class Heated(NamedTuple):
    """The arrays of a `BackoffTable` with weights in place of probabilities."""

    indptr: NDArray[np.int64]
    indices: NDArray[Any]
    weights: NDArray[np.float64]
    backoff: NDArray[np.float64]
    base: NDArray[np.float64]


def heated(
    indptr: NDArray[np.int64],
    indices: NDArray[Any],
    log_probs: NDArray[np.float64],
    log_backoff: NDArray[np.float64],
    log_base: NDArray[np.float64],
    base_order: NDArray[np.int64],
    temperature: float,
) -> Heated:
    """Return weights, backoff and base to the power of 1/T, the largest of a row near one.

    The arrays are the logarithms of a `BackoffTable`; `base_order` (V,) holds the ids by descending
    base. In the cold, a row whose likeliest tokens are not stored, and far from the top of the
    base, gets them stored.
    """
    lengths = np.diff(indptr)
    first = _first_unseen(indptr, indices, base_order)
    log_first = log_base[base_order[first]]
    unseen = np.where(lengths < len(log_base), log_backoff + log_first, -np.inf)
    highest = unseen.copy()
    full = lengths > 0
    if len(indices):
        stored = np.maximum.reduceat(log_probs, indptr[:-1][full])
        highest[full] = np.maximum(highest[full], stored)
    highest[np.isneginf(highest)] = 0.0
    top = float(log_base.max())
    with np.errstate(over="ignore"):  # minus infinity will do
        weights = np.exp((log_probs - np.repeat(highest, lengths)) / temperature)
        backoff = np.exp(np.minimum((log_backoff + top - highest) / temperature, 700.0))
        base = np.exp((log_base - top) / temperature)
    found = Heated(indptr, indices, weights, backoff, base)
    matters = unseen >= highest - _GONE * temperature
    rows = np.flatnonzero(matters & (log_first < top - _FAINT * temperature))
    if len(rows) == 0:
        return found
    ordered = -log_base[base_order]
    ends = np.searchsorted(ordered, ordered[first[rows]] + _GONE * temperature, "right")
    likely = [
        np.setdiff1d(base_order[first[row] : end], indices[indptr[row] : indptr[row + 1]])
        for row, end in zip(rows, ends, strict=True)
    ]
    with np.errstate(over="ignore"):
        more = [
            np.exp((log_backoff[row] + log_base[ids] - highest[row]) / temperature)
            for row, ids in zip(rows, likely, strict=True)
        ]
    backoff[rows] = 0.0
    return _with_more(found, np.repeat(rows, [len(ids) for ids in likely]), likely, more)


def _with_more(
    table: Heated,
    rows: NDArray[np.int64],
    ids: list[NDArray[np.int64]],
    weights: list[NDArray[np.float64]],
) -> Heated:
    """Return the table with some more pairs stored."""
    size = len(table.base)
    all_rows = np.concatenate([np.repeat(np.arange(size), np.diff(table.indptr)), rows])
    all_ids = np.concatenate([table.indices, *ids])
    order = np.lexsort((all_ids, all_rows))
    indptr = np.searchsorted(all_rows[order], np.arange(size + 1))
    return table._replace(
        indptr=indptr.astype(np.int64),
        indices=all_ids[order].astype(table.indices.dtype),
        weights=np.concatenate([table.weights, *weights])[order],
    )


def _first_unseen(
    indptr: NDArray[np.int64], indices: NDArray[Any], base_order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, for each context, the rank in the base of the likeliest id that is not stored."""
    size = len(base_order)
    rank = np.empty(size, np.int64)
    rank[base_order] = np.arange(size)
    rows = np.repeat(np.arange(size), np.diff(indptr))
    ranks = np.sort(rows * size + rank[indices]) - rows * size
    gaps = np.flatnonzero(ranks != np.arange(len(indices)) - indptr[rows])
    first = np.minimum(np.diff(indptr), size - 1)  # no gap: after the last
    first[rows[gaps][::-1]] = (gaps - indptr[rows[gaps]])[::-1]
    return first
