"""Matrices of counts that others made: checked before SciPy touches them, then made canonical."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigram.common.checks import check_int64, native, refuse_masked
from bigram.common.csr import (
    check_arrays,
    check_indices,
    check_starts,
    has_sorted_rows,
    index_dtype,
    make_csr,
)
from bigram.common.types import Array, Csr, Dense
from bigram.counts.matrix import check_counts, check_kind, checked_dense
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["checked_matrix", "checked_sparse"]


def checked_matrix(matrix: Any, tokenizer: Tokenizer | None) -> Dense | Csr:
    """Return counts, dense or sparse, checked, over as many ids as the tokenizer has."""
    checked = checked_sparse(matrix) if hasattr(matrix, "tocsr") else checked_dense(matrix)
    if tokenizer is not None and tokenizer.vocab_size != checked.shape[0]:
        raise ValueError(
            f"matrix has shape {checked.shape}, but the tokenizer has "
            f"{tokenizer.vocab_size} symbols"
        )
    return checked


def checked_sparse(matrix: Any) -> Csr:
    """Return a sparse matrix of counts as an int64 ``csr_array`` with sorted indices.

    Counts are widened to int64 before duplicates are summed, and their sum is checked before too.
    """
    from scipy.sparse import issparse

    if not issparse(matrix):
        matrix = matrix.tocsr()
    check_kind(matrix.dtype, matrix.shape)
    size = int(matrix.shape[0])
    if matrix.format == "csr":
        return _from_csr(*_compressed(matrix, size), size)
    if matrix.format == "csc":
        return _from_columns(*_compressed(matrix, size), size)
    if matrix.format == "bsr":
        rows, num_blocks = size // matrix.data.shape[1], len(matrix.data)
        check_arrays(matrix.indptr, matrix.indices, rows, num_blocks)
        check_starts(matrix.indptr, num_blocks)
    return _from_coo(matrix.tocoo(), size)


def _values(array: Any) -> Array:
    """Return counts as int64, each checked to be one, and their sum to fit."""
    refuse_masked(array, "matrix")
    check_int64(array, "matrix")
    values = np.ascontiguousarray(native(array), np.int64)
    if values.ndim != 1:
        raise ValueError(f"the values of matrix have shape {values.shape}, wanted one dimension")
    check_counts(values)
    return values


def _compressed(matrix: Any, size: int) -> tuple[Array, Array, Array]:
    """Return starts, indices and values of a CSR or CSC matrix, in bounds but in any order."""
    values = _values(matrix.data)
    check_arrays(matrix.indptr, matrix.indices, size, len(values))
    same = matrix.indptr.dtype == matrix.indices.dtype
    dtype = matrix.indices.dtype.newbyteorder("=") if same else np.int64
    starts, indices = (
        np.ascontiguousarray(native(part), dtype) for part in (matrix.indptr, matrix.indices)
    )
    check_starts(starts, len(values))
    check_indices(indices, size)
    return starts, indices, values


def _from_csr(starts: Array, indices: Array, values: Array, size: int) -> Csr:
    from scipy.sparse import csr_array

    if has_sorted_rows(starts, indices) and values.all():
        return make_csr(values, indices, starts, size)
    matrix: Csr = csr_array((values, indices, starts), shape=(size, size), copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _from_columns(starts: Array, indices: Array, values: Array, size: int) -> Csr:
    from scipy.sparse import csc_array

    rows = csc_array((values, indices, starts), shape=(size, size)).tocsr()
    return _from_csr(rows.indptr, rows.indices, rows.data, size)


def _from_coo(matrix: Any, size: int) -> Csr:
    from scipy.sparse import coo_array

    values = _values(matrix.data)
    rows, columns = matrix.row, matrix.col
    for name, ids in (("rows", rows), ("columns", columns)):
        if ids.dtype.kind not in "iu" or ids.shape != values.shape:
            raise ValueError(f"{name} of matrix are {ids.dtype}, shape {ids.shape}, wanted ids")
        check_indices(ids, size, name)
    dtype = index_dtype(max(len(values), size))
    places = rows.astype(dtype), columns.astype(dtype)
    made = coo_array((values, places), shape=(size, size)).tocsr()
    return _from_csr(made.indptr, made.indices, made.data, size)
