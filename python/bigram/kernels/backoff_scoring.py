"""Log-probabilities under a bigram model with backoff."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    as_int64,
    bad_kind,
    bad_token,
    check_inside,
    check_offsets,
    check_tokens,
    check_vectors,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["index_pairs", "score_backoff_pairs", "score_backoff_sequences"]


def index_pairs(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
) -> npt.NDArray[np.uint64]:
    """Put the stored pairs of a model with backoff into a hash table.

    Parameters
    ----------
    indptr : ndarray, shape (V + 1,), int64
        The pairs of context `i` are at ``indptr[i]:indptr[i + 1]``.
    indices : ndarray, shape (pairs,), int32 or int64
        Their successors in [0, V), each once in a context.
    log_probs : ndarray, shape (pairs,), float64
        ln P(j | i), nats.

    Returns
    -------
    ndarray, shape (slots, 2), uint64
        The first argument of :func:`score_backoff_pairs` and :func:`score_backoff_sequences`; 24
        bytes a pair.

    Raises
    ------
    TypeError
        If an array has another dtype, rank or layout.
    ValueError
        If the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import index_pairs
    >>> index_pairs(np.array([0, 1, 1]), np.array([1]), np.log([0.75])).shape
    (18, 2)
    """
    check_vectors(indptr=indptr, indices=indices, log_probs=log_probs)
    slots = np.empty((len(log_probs) * 3 // 2 + 17, 2), np.uint64)
    _core.index_pairs(slots, indptr, indices, log_probs, resolve_num_threads(None))
    return slots


def score_backoff_pairs(
    slots: npt.NDArray[np.uint64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
    nexts: npt.NDArray[Any],
    *,
    num_threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Return ``ln P(next | context)``: what is stored, else ``log_backoff[i] + log_base[j]``.

    Parameters
    ----------
    slots : ndarray, shape (slots, 2), uint64
        From :func:`index_pairs`.
    log_backoff, log_base : ndarrays, shape (V,), float64
        Nats.
    contexts, nexts : ndarrays, shape (n,), integer
        Ids in [0, V).
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    ndarray, shape (n,), float64
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
    >>> from bigram.kernels import index_pairs, score_backoff_pairs
    >>> slots = index_pairs(np.array([0, 1, 1]), np.array([1]), np.log([0.75]))
    >>> half = np.log([0.5, 0.5])
    >>> np.exp(score_backoff_pairs(slots, half, half, np.array([0, 0]), np.array([0, 1])))
    array([0.25, 0.75])
    """
    rows, columns = as_int64(contexts, "contexts"), as_int64(nexts, "nexts")
    _check_slots(slots)
    check_vectors(log_backoff=log_backoff, log_base=log_base)
    result = np.empty(len(rows))
    threads = resolve_num_threads(num_threads)
    try:
        _core.score_backoff_pairs(result, rows, columns, slots, log_backoff, log_base, threads)
    except ValueError:
        check_inside(rows, len(log_base), "contexts")  # says which
        check_inside(columns, len(log_base), "nexts")
        raise
    return result


def score_backoff_sequences(
    slots: npt.NDArray[np.uint64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    tokens: npt.NDArray[Any],
    *,
    offsets: npt.NDArray[np.int64] | None = None,
    num_threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Sum the log-probabilities of the pairs in each sequence.

    Parameters
    ----------
    slots, log_backoff, log_base
        As in :func:`score_backoff_pairs`.
    tokens : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
        Ids in [0, V), of any stride.
    offsets : ndarray, shape (n_sequences + 1,), int64, optional
        Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``. None means one sequence.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    ndarray, shape (n_sequences,), float64
        Nats; 0 for a sequence of fewer than two tokens.

    Raises
    ------
    TypeError
        If an array has another dtype, rank or layout.
    ValueError
        If a token is outside [0, V) (the first is named), or the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import index_pairs, score_backoff_sequences
    >>> slots = index_pairs(np.array([0, 1, 1]), np.array([1]), np.log([0.75]))
    >>> half = np.log([0.5, 0.5])
    >>> np.exp(score_backoff_sequences(slots, half, half, np.array([0, 0, 1])))
    array([0.1875])
    """
    tokens = check_tokens(tokens)
    _check_slots(slots)
    check_vectors(log_backoff=log_backoff, log_base=log_base)
    num_sequences = 1
    if offsets is not None:
        offsets = check_offsets(offsets)
        num_sequences = max(len(offsets) - 1, 0)
    result = np.empty(num_sequences)
    bad = _core.score_backoff_sequences(
        result, tokens, offsets, slots, log_backoff, log_base, resolve_num_threads(num_threads)
    )
    if bad >= 0:
        raise bad_token(tokens, bad, len(log_base))
    return result


def _check_slots(slots: Any) -> None:
    if not isinstance(slots, np.ndarray):
        raise bad_kind(slots, "slots", "a NumPy array")
