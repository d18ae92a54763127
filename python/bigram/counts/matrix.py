"""The matrix of counts, (V, V): its checks, and whether it is kept dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigram.common.checks import MAX_INT, bad_value, check_int64
from bigram.common.csr import make_csr
from bigram.common.types import Array, Csr, Dense
from bigram.storage.stored_array import StoredArray
from bigram.tokenizers.protocol import Tokenizer

__all__ = [
    "DENSE_LIMIT",
    "PAIRS_PER_BLOCK",
    "as_dense",
    "as_sparse",
    "check_layout",
    "check_sparse",
    "check_total",
    "checked_dense",
    "checked_matrix",
    "checked_sparse",
    "empty_sparse",
    "exact_sum",
    "is_dense_layout",
]

DENSE_LIMIT = 4096  # the largest vocabulary that layout="auto" keeps dense: 128 MiB


def is_dense_layout(layout: str, vocab_size: int, limit: int = DENSE_LIMIT) -> bool:
    """Return whether `layout` keeps counts over `vocab_size` ids in a dense array.

    Raises
    ------
    ValueError
        If `layout` is not "auto", "dense" or "sparse".
    """
    if layout not in ("auto", "dense", "sparse"):
        raise bad_value(layout, "layout", "'auto', 'dense' or 'sparse'")
    return layout == "dense" or (layout == "auto" and vocab_size <= limit)


def as_dense(matrix: Dense | Csr) -> Dense:
    """Return a matrix as an array; an array is not copied."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def as_sparse(matrix: Dense | Csr) -> Csr:
    """Return a matrix as a ``csr_array``; a ``csr_array`` is not copied."""
    if not isinstance(matrix, np.ndarray):
        return matrix
    from scipy.sparse import csr_array

    return csr_array(matrix)


def checked_dense(matrix: Any) -> Dense:
    """Return counts as a C-contiguous int64 array (V, V), checked."""
    array = np.asarray(matrix)
    _check_kind(array.dtype, array.shape)
    check_int64(array, "matrix")
    result = np.ascontiguousarray(array, dtype=np.int64)
    if result.min() < 0:
        row, column = np.argwhere(result < 0)[0]
        raise ValueError(f"matrix[{row}, {column}] = {result[row, column]}, wanted a count >= 0")
    check_total(exact_sum(result))
    return result


def checked_sparse(matrix: Any) -> Csr:
    """Return a SciPy sparse matrix of counts as an int64 ``csr_array`` with sorted indices."""
    from scipy.sparse import csr_array

    _check_kind(matrix.dtype, matrix.shape)
    array: Csr = csr_array(matrix)
    check_int64(array.data, "matrix")
    array = array.astype(np.int64, copy=False)
    array.check_format(full_check=True)
    if not array.has_canonical_format or not array.data.all():
        array = array.copy()
        array.sum_duplicates()
        array.eliminate_zeros()
    check_sparse(array.indptr, array.indices, array.data, array.shape[0])
    return array


def checked_matrix(matrix: Any, tokenizer: Tokenizer | None) -> Dense | Csr:
    """Return counts, dense or sparse, checked, over as many ids as the tokenizer has."""
    checked = checked_sparse(matrix) if hasattr(matrix, "tocsr") else checked_dense(matrix)
    if tokenizer is not None and tokenizer.vocab_size != checked.shape[0]:
        raise ValueError(
            f"matrix has shape {checked.shape}, but the tokenizer has "
            f"{tokenizer.vocab_size} symbols"
        )
    return checked


def _check_kind(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if dtype.kind not in "iu":
        raise TypeError(f"matrix has dtype {dtype}, wanted integers")
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"matrix has shape {shape}, wanted (V, V)")
    if shape[0] == 0:
        raise ValueError("matrix is empty, wanted at least one row")


PAIRS_PER_BLOCK = 1 << 22  # 50 MB of indices and counts for each of the matrices added


def check_layout(
    indptr: Array | StoredArray,
    indices: Array | StoredArray,
    counts: Array | StoredArray,
    num_rows: int,
) -> None:
    """Raise ValueError unless dtypes and shapes are those of a matrix of counts."""
    if counts.dtype != np.int64 or indices.dtype.kind != "i" or indptr.dtype.kind != "i":
        raise ValueError(
            f"indptr, indices and counts have dtypes {indptr.dtype}, {indices.dtype} and "
            f"{counts.dtype}, wanted signed integers, and int64 for counts"
        )
    if indptr.shape != (num_rows + 1,) or not counts.shape == indices.shape == (indices.size,):
        raise ValueError(
            f"indptr, indices and counts have shapes {indptr.shape}, {indices.shape} and "
            f"{counts.shape}, wanted ({num_rows + 1},) and twice the number of pairs"
        )


def check_sparse(
    indptr: Array, indices: Array, counts: Array, vocab_size: int, num_rows: int | None = None
) -> None:
    """Raise ValueError unless the arrays are a sound matrix of counts with sorted indices.

    Its shape is (num_rows, V), or (V, V).
    """
    num_rows = vocab_size if num_rows is None else num_rows
    check_layout(indptr, indices, counts, num_rows)
    num_pairs = len(indices)
    if indptr[0] != 0 or indptr[-1] != num_pairs:
        raise ValueError(f"indptr runs from {indptr[0]} to {indptr[-1]}, wanted 0 to {num_pairs}")
    for start in range(0, num_rows, PAIRS_PER_BLOCK):
        if np.any(np.diff(indptr[start : start + PAIRS_PER_BLOCK + 1]) < 0):
            raise ValueError("indptr decreases, wanted row starts in order")
    for start in range(0, num_pairs, PAIRS_PER_BLOCK):
        part = indices[start : start + PAIRS_PER_BLOCK + 1]
        if part.min() < 0 or part.max() >= vocab_size:
            wrong = part.min() if part.min() < 0 else part.max()
            raise ValueError(f"indices hold {wrong}, which is outside [0, {vocab_size})")
        # Only where a row begins may an index not exceed the one before it.
        falls = np.flatnonzero(part[1:] <= part[:-1]) + (start + 1)
        if np.any(indptr[np.searchsorted(indptr, falls)] != falls):
            raise ValueError("indices do not increase within a row, wanted sorted columns")
        if counts[start : start + PAIRS_PER_BLOCK].min() < 0:
            raise ValueError("counts hold a negative number, wanted counts >= 0")
    check_total(exact_sum(counts))


def exact_sum(counts: Array) -> int:
    """Return the sum of counts, also where int64 cannot hold it: high and low halves apart."""
    if counts.size == 0 or int(counts.max()) * counts.size <= MAX_INT:
        return int(counts.sum())
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())


def check_total(total: int, name: str = "the counts") -> None:
    """Raise ValueError for counts that add up to more than int64 can hold."""
    if total > MAX_INT:
        raise ValueError(f"{name} add up to {total}, which is more than int64 can hold")


def empty_sparse(vocab_size: int) -> Csr:
    """Return a (V, V) matrix without pairs."""
    indices = np.zeros(0, np.int32)
    indptr = np.zeros(vocab_size + 1, np.int32)
    return make_csr(np.zeros(0, np.int64), indices, indptr, vocab_size)
