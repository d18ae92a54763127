"""Sequences drawn from a dense bigram table."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    bad_shape,
    bad_token,
    check_index,
    check_seed,
    check_tokens,
    check_vocab_size,
)
from bigram.common.threads import resolve_num_threads
from bigram.kernels.multinomial import bad_weight, check_weights

__all__ = ["prepare_sampler", "sample_sequences"]

_SMALLEST = tuple((2**bits, np.dtype(f"u{bits // 8}")) for bits in (8, 16, 32))
# How many tokens each dtype holds.
_HELD: dict[np.dtype[Any], int] = {
    np.dtype(t): int(np.iinfo(t).max) + 1
    for t in (np.uint8, np.uint16, np.uint32, np.int32, np.int64)
}


def prepare_sampler(
    probs: npt.NDArray[Any], *, num_threads: int | None = None
) -> _core.DenseSampler:
    """Prepare a table for many calls of :func:`sample_sequences`.

    The alias table of a row is built when a call reaches the row, or all of them at once when a
    call draws more tokens than there are rows. A cell takes 4 bytes, beyond 4,096 tokens 8. Threads
    may share a sampler.

    Parameters
    ----------
    probs : ndarray, shape (V, V), float32 or float64
        As for :func:`sample_sequences`. If it is contiguous, it is not copied and must not change.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`.

    Returns
    -------
    DenseSampler
        The first argument of :func:`sample_sequences`, in place of the table.

    Raises
    ------
    TypeError
        If `probs` is not an array of numbers.
    ValueError
        If `probs` is not square, or a weight is negative, nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import prepare_sampler, sample_sequences
    >>> sampler = prepare_sampler(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> sample_sequences(sampler, np.array([0]), max_length=3)
    (array([1, 0, 1], dtype=uint8), array([0, 3]))
    """
    sampler = _core.DenseSampler(_checked_table(probs))
    bad = sampler.check(resolve_num_threads(num_threads))
    if bad >= 0:
        raise bad_weight(probs, divmod(bad, len(probs)))
    return sampler


def sample_sequences(
    probs: npt.NDArray[Any] | _core.DenseSampler,
    starts: npt.NDArray[Any],
    *,
    max_length: int,
    stop: int | None = None,
    dtype: npt.DTypeLike | None = None,
    seed: int | None = None,
    num_threads: int | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Draw sequences of a bigram model: each token from the row of the token before it.

    Alias tables of integers (Walker 1977; Vose 1991): each probability is rounded to a multiple of
    2**-32, or of 2**-51 for more than 4,096 tokens, and a token of probability zero is never
    drawn. Memory is that of the tokens drawn, and of the tables of the rows reached: 4 or 8 bytes
    for each of their cells.

    Parameters
    ----------
    probs : ndarray, shape (V, V), float32 or float64
        ``probs[i]`` are the weights of the tokens after ``i``: finite and not negative. They do not
        need to sum to one. Integers and other floats are converted to float64. Or what
        :func:`prepare_sampler` returned for such a table.
    starts : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
        The token before the first one of each sequence.
    max_length : int
        The largest number of tokens drawn for a sequence.
    stop : int, optional
        The token that ends a sequence; it is not part of it.
    dtype : uint8, uint16, uint32, int32 or int64, optional
        The dtype of the tokens; by default the smallest unsigned one that holds V - 1.
    seed : int, optional
        In [0, 2**64); None draws one from the system's entropy. Token ``t`` of sequence ``s`` is a
        function of the table, the start, the seed, ``s`` and ``t``, so fewer or shorter sequences
        are prefixes of more or longer ones.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The tokens do not depend on it.

    Returns
    -------
    tokens : ndarray, shape (drawn,), dtype
        Without the starts.
    offsets : ndarray, shape (n + 1,), int64
        Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If a weight is negative, nan or infinite, a start is outside [0, V), a number is out of its
        range, or a sequence reaches a token whose row has no mass before it ends.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import sample_sequences
    >>> cycle = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    >>> sample_sequences(cycle, np.array([0, 1]), max_length=5, stop=0, seed=1)
    (array([1, 2, 2], dtype=uint8), array([0, 2, 3]))
    """
    if isinstance(probs, _core.DenseSampler):
        vocab_size, draw = probs.vocab_size, probs.sample
    else:
        weights = _checked_table(probs)
        vocab_size, draw = len(weights), partial(_core.sample_sequences, weights)
    starts = check_tokens(starts, "starts")
    tokens, offsets, at = draw(
        starts,
        _token_dtype(dtype, vocab_size),
        check_index(max_length, "max_length", 0, 2**62),
        -1 if stop is None else check_index(stop, "stop", 0, vocab_size - 1),
        check_seed(seed),
        resolve_num_threads(num_threads),
    )
    if isinstance(tokens, str):
        raise _fault(tokens, offsets, at, probs, starts, vocab_size)
    return tokens, offsets


def _checked_table(probs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    weights = check_weights(probs)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.shape[0] == 0:
        raise bad_shape(probs, "probs", "(V, V), V at least 1")
    check_vocab_size(weights.shape[0])
    return weights


def _token_dtype(dtype: npt.DTypeLike | None, vocab_size: int) -> np.dtype[Any]:
    if dtype is None:
        return next(smallest for holds, smallest in _SMALLEST if vocab_size <= holds)
    wanted = np.dtype(dtype)
    if wanted not in _HELD:
        raise TypeError(f"dtype = {wanted}, wanted uint8, uint16, uint32, int32 or int64")
    if vocab_size > _HELD[wanted]:
        raise ValueError(f"dtype = {wanted} does not hold every token below {vocab_size}")
    return wanted


def _fault(
    what: str,
    position: int,
    token: int,
    probs: npt.NDArray[Any] | _core.DenseSampler,
    starts: npt.NDArray[Any],
    vocab_size: int,
) -> ValueError:
    if what == "starts":
        return bad_token(starts, position, vocab_size, "starts")
    if what == "mass":
        return ValueError(
            f"sequence {position} reached token {token}, but probs[{token}] has no mass"
        )
    place = divmod(position, vocab_size)
    if isinstance(probs, np.ndarray):
        return bad_weight(probs, place)
    return ValueError(f"probs[{place[0]}, {place[1]}] was changed after the sampler was prepared")
