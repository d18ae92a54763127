"""A table with a backoff at another temperature, without building a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["heated"]


def heated(
    indptr: NDArray[np.int64],
    indices: NDArray[Any],
    log_probs: NDArray[np.float64],
    log_backoff: NDArray[np.float64],
    log_base: NDArray[np.float64],
    base_order: NDArray[np.int64],
    temperature: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weights, backoff and base to the power of 1/T, the largest of a row near one.

    The arrays are the logarithms of a `BackoffTable`; `base_order` (V,) holds the ids by descending
    base.
    """
    lengths = np.diff(indptr)
    highest = log_backoff + log_base[_first_unseen(indptr, indices, base_order)]
    full = lengths > 0
    if len(indices):
        stored = np.maximum.reduceat(log_probs, indptr[:-1][full])
        highest[full] = np.maximum(highest[full], stored)
    highest[np.isneginf(highest)] = 0.0
    top = float(log_base.max())
    weights = np.exp((log_probs - np.repeat(highest, lengths)) / temperature)
    backoff = np.exp(np.minimum((log_backoff + top - highest) / temperature, 700.0))
    return weights, backoff, np.exp((log_base - top) / temperature)


def _first_unseen(
    indptr: NDArray[np.int64], indices: NDArray[Any], base_order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, for each context, the likeliest id of the base that is not stored."""
    size = len(base_order)
    rank = np.empty(size, np.int64)
    rank[base_order] = np.arange(size)
    rows = np.repeat(np.arange(size), np.diff(indptr))
    ranks = np.sort(rows * size + rank[indices]) - rows * size
    gaps = np.flatnonzero(ranks != np.arange(len(indices)) - indptr[rows])
    first = np.minimum(np.diff(indptr), size - 1)  # no gap: after the last
    first[rows[gaps][::-1]] = (gaps - indptr[rows[gaps]])[::-1]
    return base_order[first]
