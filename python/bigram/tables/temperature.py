"""A table with a backoff at another temperature, without building a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TemperedArrays", "at_temperature"]

# In nats, before the division by T.
_FAINT = 600.0  # exp(-600) is still a normal number
_GONE = 745.0  # exp(-746) is zero
_LARGEST_EXPONENT = 700.0  # exp(700) is still finite


class TemperedArrays(NamedTuple):
    """The arrays of a `BackoffTable`, with weights in place of probabilities."""

    indptr: NDArray[np.int64]
    indices: NDArray[Any]
    weights: NDArray[np.float64]
    backoff: NDArray[np.float64]
    base: NDArray[np.float64]


def at_temperature(
    indptr: NDArray[np.int64],
    indices: NDArray[Any],
    log_probs: NDArray[np.float64],
    log_backoff: NDArray[np.float64],
    log_base: NDArray[np.float64],
    base_order: NDArray[np.int64],
    temperature: float,
) -> TemperedArrays:
    """Return weights, backoff and base to the power of 1/T, the largest of a row near one.

    A weight is ``(p / highest) ** (1/T)``, highest being the largest probability of its row: then
    nothing overflows, and a row keeps its most likely tokens at any temperature. The backoff of a
    row is scaled by its highest and by the top of the base, so that ``backoff[i] * base[j]`` is
    the weight of a token that is not stored. O(pairs + V), but for rows that need `_store_likely`.

    Parameters
    ----------
    indptr, indices, log_probs, log_backoff, log_base
        The arrays of a `BackoffTable` and their logarithms, nats.
    base_order : ndarray, shape (V,), int64
        Ids in descending order of the base.
    temperature : float
        T, positive.

    Returns
    -------
    TemperedArrays
    """
    lengths = np.diff(indptr)
    first = _first_unseen(indptr, indices, base_order)
    log_first = log_base[base_order[first]]
    unseen = np.where(lengths < len(log_base), log_backoff + log_first, -np.inf)
    highest = _row_maxima(indptr, log_probs, unseen)
    top = float(log_base.max())
    with np.errstate(over="ignore"):  # a difference of -inf at a tiny T is exp(-inf) = 0
        tempered = TemperedArrays(
            indptr,
            indices,
            np.exp((log_probs - np.repeat(highest, lengths)) / temperature),
            np.exp(np.minimum((log_backoff + top - highest) / temperature, _LARGEST_EXPONENT)),
            np.exp((log_base - top) / temperature),
        )
    # The product backoff * base fails a row at a low temperature where its likeliest unseen token
    # is far from the top of the base (the tokens above it being stored): the base's weight there
    # underflows to zero although the row's own would not. Such rows get these tokens stored.
    matters = unseen >= highest - _GONE * temperature
    rows = np.flatnonzero(matters & (log_first < top - _FAINT * temperature))
    if len(rows) == 0:
        return tempered
    return _store_likely(
        tempered, rows, first[rows], highest[rows], log_backoff, log_base, base_order, temperature
    )


def _row_maxima(
    indptr: NDArray[np.int64], log_probs: NDArray[np.float64], unseen: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the largest log-probability of each row, stored or not; 0 for a row without mass."""
    highest: NDArray[np.float64] = unseen.copy()
    full = np.diff(indptr) > 0
    if len(log_probs):
        stored = np.maximum.reduceat(log_probs, indptr[:-1][full])
        highest[full] = np.maximum(highest[full], stored)
    highest[np.isneginf(highest)] = 0.0  # -inf minus it must not be nan
    return highest


def _store_likely(
    tempered: TemperedArrays,
    rows: NDArray[np.int64],
    first: NDArray[np.int64],
    highest: NDArray[np.float64],
    log_backoff: NDArray[np.float64],
    log_base: NDArray[np.float64],
    base_order: NDArray[np.int64],
    temperature: float,
) -> TemperedArrays:
    """Return the arrays with the likeliest unseen tokens of `rows` stored, their backoff zero.

    For each row, `first` is the rank of its likeliest unseen token and `highest` its maximum. All
    unseen tokens from that rank down to a weight of zero are stored.
    """
    indptr, indices = tempered.indptr, tempered.indices
    descending = -log_base[base_order]
    ends = np.searchsorted(descending, descending[first] + _GONE * temperature, "right")
    likely = [
        np.setdiff1d(base_order[start:end], indices[indptr[row] : indptr[row + 1]])
        for row, start, end in zip(rows, first, ends, strict=True)
    ]
    with np.errstate(over="ignore"):
        weights = [
            np.exp((log_backoff[row] + log_base[ids] - most) / temperature)
            for row, most, ids in zip(rows, highest, likely, strict=True)
        ]
    tempered.backoff[rows] = 0.0
    return _with_more(tempered, np.repeat(rows, [len(ids) for ids in likely]), likely, weights)


def _with_more(
    tempered: TemperedArrays,
    rows: NDArray[np.int64],
    ids: list[NDArray[np.int64]],
    weights: list[NDArray[np.float64]],
) -> TemperedArrays:
    """Return the arrays with more pairs stored, rows and ids again in order."""
    size = len(tempered.base)
    all_rows = np.concatenate([np.repeat(np.arange(size), np.diff(tempered.indptr)), rows])
    all_ids = np.concatenate([tempered.indices, *ids])
    order = np.lexsort((all_ids, all_rows))
    indptr = np.searchsorted(all_rows[order], np.arange(size + 1))
    return tempered._replace(
        indptr=indptr.astype(np.int64),
        indices=all_ids[order].astype(tempered.indices.dtype),
        weights=np.concatenate([tempered.weights, *weights])[order],
    )


def _first_unseen(
    indptr: NDArray[np.int64], indices: NDArray[Any], base_order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, for each context, the rank in the base of the likeliest id that is not stored.

    The stored ids of a row, as ascending ranks, are 0, 1, 2, ... up to the first rank that is
    missing; where none is, the first one missing is their number. V - 1 for a full row.
    """
    size = len(base_order)
    rank = np.empty(size, np.int64)
    rank[base_order] = np.arange(size)
    rows = np.repeat(np.arange(size), np.diff(indptr))
    ranks = np.sort(rows * size + rank[indices]) - rows * size  # one sort, within rows
    gaps = np.flatnonzero(ranks != np.arange(len(indices)) - indptr[rows])
    first = np.minimum(np.diff(indptr), size - 1)
    # Assigned in descending order, so that the first gap of each row stays.
    first[rows[gaps][::-1]] = (gaps - indptr[rows[gaps]])[::-1]
    return first
