"""Sequences drawn from a bigram model with backoff, without building a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    MAX_INT,
    bad_kind,
    check_index,
    check_inside,
    check_seed,
    check_tokens,
    check_vectors,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["prepare_backoff_sampler", "sample_backoff_sequences"]


def prepare_backoff_sampler(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    backoff: npt.NDArray[np.float64],
    base: npt.NDArray[np.float64],
    *,
    top_k: int | None = None,
    top_p: float | None = None,
    num_threads: int | None = None,
) -> _core.BackoffSampler:
    """Build the alias tables from which sequences are drawn, in O(pairs + V) memory.

    The weight of (i, j) is ``weights[e]`` if it is stored as pair e, else ``backoff[i] * base[j]``.
    Rows do not need to sum to one.

    Parameters
    ----------
    indptr : ndarray, shape (V + 1,), int64
        The pairs of context `i` are at ``indptr[i]:indptr[i + 1]``.
    indices : ndarray, shape (pairs,), int32 or int64
        Their successors, ascending within a context.
    weights, backoff, base : ndarrays, shapes (pairs,), (V,) and (V,), float64
        Finite and not negative.
    top_k : int, optional
        How many of the largest weights of a row to keep; ties go to the lower id.
    top_p : float, optional
        Then keep the fewest largest weights that have at least this part of the mass; in (0, 1].
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    BackoffSampler
        The first argument of :func:`sample_backoff_sequences`.

    Raises
    ------
    TypeError
        If an array has another dtype, rank or layout.
    ValueError
        If the arrays do not fit together, a row's indices do not ascend, or a value is out of its
        range.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import prepare_backoff_sampler, sample_backoff_sequences
    >>> sampler = prepare_backoff_sampler(np.array([0, 1, 2]), np.array([1, 0]), np.ones(2),
    ...                                   np.zeros(2), np.ones(2))
    >>> sample_backoff_sequences(sampler, 2, np.array([0]), max_length=4, seed=1)
    (array([1, 0, 1, 0], dtype=uint8), array([0, 4]))
    """
    check_vectors(indptr=indptr, indices=indices, weights=weights, backoff=backoff, base=base)
    return _core.BackoffSampler(
        indptr,
        indices,
        weights,
        backoff,
        base,
        MAX_INT if top_k is None else min(check_index(top_k, "top_k", 1, 2**64), MAX_INT),
        1.0 if top_p is None else top_p,
        resolve_num_threads(num_threads),
    )


def sample_backoff_sequences(
    sampler: _core.BackoffSampler,
    vocab_size: int,
    starts: npt.NDArray[Any],
    *,
    max_length: int,
    stop: int | None = None,
    seed: int | None = None,
    num_threads: int | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Draw a sequence after each start.

    Parameters
    ----------
    sampler : BackoffSampler
        From :func:`prepare_backoff_sampler`.
    vocab_size : int
        V.
    starts : ndarray, shape (n,), integer
        Ids in [0, V).
    max_length : int
        The largest number of tokens drawn after a start, in [0, 2**32).
    stop : int, optional
        The token that ends a sequence; it is not part of it.
    seed : int, optional
        In [0, 2**64); None draws one from the system's entropy. The tokens of sequence `s` depend
        on the model, the seed, `s` and its start alone.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The tokens do not depend on it.

    Returns
    -------
    tokens : ndarray, shape (drawn,), the smallest unsigned dtype that holds V - 1
    offsets : ndarray, shape (n + 1,), int64
        Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If a start or the stop is outside [0, V), or a sequence reaches a context whose weights are
        all zero.

    Examples
    --------
    See :func:`prepare_backoff_sampler`.
    """
    if not isinstance(sampler, _core.BackoffSampler):
        raise bad_kind(sampler, "sampler", "a BackoffSampler")
    states = check_tokens(starts, "starts")
    check_inside(states, vocab_size, "starts")
    tokens, offsets, context = sampler.sample(
        np.ascontiguousarray(states, np.uint32),
        np.min_scalar_type(vocab_size - 1),
        check_index(max_length, "max_length", 0, 2**32 - 1),
        -1 if stop is None else check_index(stop, "stop", 0, vocab_size - 1),
        check_seed(seed),
        resolve_num_threads(num_threads),
    )
    if tokens is None:
        raise ValueError(
            f"sequence {offsets} reached context {context}, which has no distribution: all its "
            "successors have probability zero"
        )
    return tokens, offsets
