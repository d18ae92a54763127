"""Sparse bigram counting."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import bad_token, check_offsets, check_tokens, check_vocab_size
from bigram.common.csr import make_csr
from bigram.common.threads import resolve_num_threads
from bigram.common.types import Csr
from bigram.kernels.counting import count_bigrams

__all__ = ["count_bigrams_sparse"]

_DENSE_VOCAB = 1024  # a table of 8 MB, which is less than eight tokens a cell


def count_bigrams_sparse(
    tokens: npt.NDArray[Any],
    vocab_size: int,
    *,
    offsets: npt.NDArray[np.int64] | None = None,
    num_threads: int | None = None,
) -> Csr:
    """Count the pairs of neighbouring tokens in a sparse matrix.

    While counting, a key of 4 bytes is held for each pair of neighbours, of 8 bytes if the tokens
    are wider than uint16 and V is above 2**20.

    Parameters
    ----------
    tokens : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
        Token ids in [0, vocab_size), of any stride; used as they are.
    vocab_size : int
        V, the number of rows and of columns; less than 2**31.
    offsets : ndarray, shape (n_sequences + 1,), int64, optional
        Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``. No pair crosses an offset, and
        tokens outside all sequences are not read. None means one sequence.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The result does not depend on it.

    Returns
    -------
    csr_array, shape (V, V), int64
        The pairs that occur, with their counts; the columns of a row ascend.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If a token is outside [0, vocab_size) (the first is named), or offsets descend or are
        outside the tokens.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import count_bigrams_sparse
    >>> counts = count_bigrams_sparse(np.array([7, 90_000, 7, 90_000]), 100_000)
    >>> counts[[7, 90_000], [90_000, 7]]
    array([2, 1])
    """
    tokens = check_tokens(tokens)
    size = check_vocab_size(vocab_size)
    if offsets is not None:
        offsets = check_offsets(offsets)
    ids = min(size, 256) if tokens.dtype == np.uint8 else size
    if ids <= _DENSE_VOCAB and tokens.size >= 8 * ids * ids:
        table = count_bigrams(tokens, ids, offsets=offsets, num_threads=num_threads)
        return _sparse(table, size)
    threads = resolve_num_threads(num_threads)
    indptr, indices, counts, bad = _core.count_bigrams_sparse(tokens, size, offsets, threads)
    if bad >= 0:
        raise bad_token(tokens, bad, size)
    return make_csr(counts, indices, indptr, size)


def _sparse(table: npt.NDArray[np.int64], vocab_size: int) -> Csr:
    """Return a table of the first ids as a sparse matrix of all."""
    rows, columns = np.nonzero(table)
    indptr = np.full(vocab_size + 1, len(rows), np.int32)
    indptr[: len(table) + 1] = np.searchsorted(rows, np.arange(len(table) + 1))
    return make_csr(table[rows, columns], columns.astype(np.int32), indptr, vocab_size)
