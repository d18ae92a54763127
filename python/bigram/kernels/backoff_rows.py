"""Rows of a bigram model with backoff, whole and by their largest entries.

The entry (i, j) is what is stored for the pair, else ``log_backoff[i] + log_base[j]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import as_int64, check_index, check_inside, check_vectors
from bigram.common.threads import resolve_num_threads

__all__ = ["backoff_rows", "backoff_top_k"]


def backoff_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
    *,
    num_threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Build whole rows of log-probabilities; they take 8 V bytes each.

    Parameters
    ----------
    indptr : ndarray, shape (V + 1,), int64
        The pairs of context `i` are at ``indptr[i]:indptr[i + 1]``.
    indices : ndarray, shape (pairs,), int32 or int64
        Their successors in [0, V), ascending within a context.
    log_probs, log_backoff, log_base : ndarrays, shapes (pairs,), (V,) and (V,), float64
        Nats.
    contexts : ndarray, shape (B,), integer
        Ids in [0, V).
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    ndarray, shape (B, V), float64
        Nats.

    Raises
    ------
    TypeError
        If an array has another dtype, rank or layout.
    ValueError
        If an id is outside [0, V), or the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import backoff_rows
    >>> half = np.log([0.5, 0.5])
    >>> rows = backoff_rows(np.array([0, 1, 1]), np.array([1]), np.log([0.75]), half, half,
    ...                     np.array([0, 1]))
    >>> np.exp(rows)
    array([[0.25, 0.75],
           [0.25, 0.25]])
    """
    ids = as_int64(contexts, "contexts")
    check_vectors(
        indptr=indptr,
        indices=indices,
        log_probs=log_probs,
        log_backoff=log_backoff,
        log_base=log_base,
    )
    out = np.empty((len(ids), len(log_base)))
    table = (indptr, indices, log_probs, log_backoff, log_base)
    threads = resolve_num_threads(num_threads)
    try:
        bad = _core.backoff_rows(out, ids, *table, threads)
    except ValueError:
        check_inside(ids, len(log_base), "contexts")  # says which
        raise
    if bad >= 0:
        raise _bad_row(ids, bad)
    return out


def backoff_top_k(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
    k: int,
    *,
    base_order: npt.NDArray[np.int64],
    num_threads: int | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Find the largest entries of rows without building them, in O(pairs of the row + k).

    Parameters
    ----------
    indptr, indices, log_probs, log_backoff, log_base, contexts
        As in :func:`backoff_rows`.
    k : int
        In [1, V].
    base_order : ndarray, shape (V,), int64
        All ids by descending base, ties from the lower id on.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The result does not depend on it.

    Returns
    -------
    ids : ndarray, shape (B, k), int64
        In descending order of probability, ties from the lower id on.
    log_probs : ndarray, shape (B, k), float64
        Nats.

    Raises
    ------
    TypeError
        If an array has another dtype, rank or layout.
    ValueError
        If an id is outside [0, V), or the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import backoff_top_k
    >>> half = np.log([0.5, 0.5])
    >>> backoff_top_k(np.array([0, 1, 1]), np.array([1]), np.log([0.75]), half, half,
    ...               np.array([0, 1]), 1, base_order=np.array([0, 1]))[0]
    array([[1],
           [0]])
    """
    rows = as_int64(contexts, "contexts")
    check_vectors(
        indptr=indptr,
        indices=indices,
        log_probs=log_probs,
        log_backoff=log_backoff,
        log_base=log_base,
        base_order=base_order,
    )
    wanted = check_index(k, "k", 1, len(log_base))
    ids, values = np.empty((len(rows), wanted), np.int64), np.empty((len(rows), wanted))
    table = (indptr, indices, log_probs, log_backoff, log_base)
    threads = resolve_num_threads(num_threads)
    try:
        bad = _core.backoff_top_k(ids, values, rows, *table, base_order, threads)
    except ValueError:
        check_inside(rows, len(log_base), "contexts")  # says which
        raise
    if bad >= 0:
        raise _bad_row(rows, bad)
    return ids, values


def _bad_row(contexts: npt.NDArray[np.int64], place: int) -> ValueError:
    return ValueError(
        f"the row of context {contexts[place]}: indices or base_order leave the vocabulary"
    )
