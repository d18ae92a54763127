"""The matrix of counts, (V, V): what may be one, and whether it is kept dense or sparse."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bigram.kernels._checks import check_int64
from bigram.kernels._csr import Csr
from bigram.sparse import check_sparse, check_total, exact_sum

__all__ = [
    "DENSE_LIMIT",
    "Dense",
    "checked_dense",
    "checked_sparse",
    "in_layout",
    "is_dense_layout",
]

Dense: TypeAlias = npt.NDArray[np.int64]

DENSE_LIMIT = 4096  # the largest vocabulary that layout="auto" keeps dense: 128 MiB


def is_dense_layout(layout: str, vocab_size: int, limit: int = DENSE_LIMIT) -> bool:
    """Return whether `layout` keeps counts over `vocab_size` ids in a dense array.

    Raises
    ------
    ValueError
        If `layout` is not "auto", "dense" or "sparse".
    """
    if layout not in ("auto", "dense", "sparse"):
        raise ValueError(f"layout = {layout!r}, wanted 'auto', 'dense' or 'sparse'")
    return layout == "dense" or (layout == "auto" and vocab_size <= limit)


def in_layout(matrix: Dense | Csr, dense: bool) -> Dense | Csr:
    """Return a matrix as an array or as a ``csr_array``; as it is where it is one already."""
    if isinstance(matrix, np.ndarray):
        if dense:
            return matrix
        from scipy.sparse import csr_array

        return csr_array(matrix)
    return matrix.toarray() if dense else matrix


def checked_dense(matrix: Any) -> Dense:
    """Return counts as a C-contiguous int64 array (V, V), once they are found to be counts."""
    array = np.asarray(matrix)
    _check_kind(array.dtype, array.shape)
    check_int64(array, "matrix")
    result = np.ascontiguousarray(array, dtype=np.int64)
    if result.min() < 0:
        row, column = np.argwhere(result < 0)[0]
        raise ValueError(f"matrix[{row}, {column}] = {result[row, column]} is negative")
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


def _check_kind(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if dtype.kind not in "iu":
        raise TypeError(f"matrix has dtype {dtype}, wanted integers")
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"matrix has shape {shape}, wanted (V, V)")
    if shape[0] == 0:
        raise ValueError("matrix is empty, wanted at least one row")
