"""The matrix of counts, (V, V): its checks, and whether it is kept dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigram.common.checks import MAX_INT, bad_value, check_int64, refuse_masked
from bigram.common.csr import (
    check_arrays,
    check_indices,
    check_starts,
    has_sorted_rows,
    make_csr,
)
from bigram.common.types import Array, Csr, Dense
from bigram.storage.stored_array import StoredArray

__all__ = [
    "DENSE_LIMIT",
    "PAIRS_PER_BLOCK",
    "as_dense",
    "as_sparse",
    "check_counts",
    "check_kind",
    "check_layout",
    "check_sparse",
    "check_total",
    "checked_dense",
    "empty_sparse",
    "exact_sum",
    "is_dense_layout",
    "sound",
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
    refuse_masked(matrix, "matrix")
    array = np.asarray(matrix)
    check_kind(array.dtype, array.shape)
    check_int64(array, "matrix")
    result = np.ascontiguousarray(array, dtype=np.int64)
    if result.min() < 0:
        row, column = np.argwhere(result < 0)[0]
        raise ValueError(f"matrix[{row}, {column}] = {result[row, column]}, wanted a count >= 0")
    check_total(exact_sum(result))
    return result


def check_kind(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Refuse what is not a square matrix of integers with at least one row."""
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
    if counts.dtype != np.int64:
        raise ValueError(f"counts has dtype {counts.dtype}, wanted int64")
    if len(counts.shape) != 1:
        raise ValueError(f"counts has shape {counts.shape}, wanted one dimension")
    check_arrays(indptr, indices, num_rows, counts.size)


def check_sparse(
    indptr: Array, indices: Array, counts: Array, vocab_size: int, num_rows: int | None = None
) -> None:
    """Raise ValueError unless the arrays are a sound matrix of counts with sorted indices.

    Its shape is (num_rows, V), or (V, V).
    """
    check_layout(indptr, indices, counts, vocab_size if num_rows is None else num_rows)
    _check_order(indptr, indices, vocab_size)
    check_counts(counts)


def sound(matrix: Dense | Csr) -> Dense | Csr:
    """Return a matrix whose arrays somebody may have changed since it was checked.

    Raises ValueError if a sparse one has no longer sorted rows within its shape. It takes 1 ns a
    pair, a twentieth of adding it up, and keeps SciPy and the kernels from running astray.
    """
    if not isinstance(matrix, np.ndarray):
        num_rows, num_columns = matrix.shape
        check_layout(matrix.indptr, matrix.indices, matrix.data, num_rows)
        _check_order(matrix.indptr, matrix.indices, num_columns)
    return matrix


def _check_order(indptr: Array, indices: Array, num_columns: int) -> None:
    check_starts(indptr, len(indices))
    check_indices(indices, num_columns)
    if not has_sorted_rows(indptr, indices):
        raise ValueError("indices do not increase within a row, wanted sorted columns")


def check_counts(counts: Array) -> None:
    """Raise ValueError for a negative count, or a sum that int64 cannot hold."""
    if len(counts) and counts.min() < 0:
        raise ValueError(f"counts hold a negative number, {counts.min()}, wanted counts >= 0")
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
