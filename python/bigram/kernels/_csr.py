"""Sparse matrices of counts: three arrays put together, without SciPy's scan of their elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Csr", "index_dtype", "make_csr"]

Csr: TypeAlias = "csr_array[Any, tuple[int, int]]"

_INT32_LIMIT = 2**31 - 1


def index_dtype(num_pairs: int) -> np.dtype[Any]:
    """Return the dtype of row starts and column indices: int32 where all of them fit."""
    return np.dtype(np.int32 if num_pairs <= _INT32_LIMIT else np.int64)


def make_csr(
    counts: npt.NDArray[Any], indices: npt.NDArray[Any], indptr: npt.NDArray[Any], num_cols: int
) -> Csr:
    """Put arrays with sorted indices and no stored zeros into a ``csr_array`` as they are.

    Its constructor would scan int64 indices, and so read a memory-mapped file whole.
    """
    from scipy.sparse import csr_array

    matrix = csr_array((len(indptr) - 1, num_cols), dtype=counts.dtype)
    matrix.data, matrix.indices, matrix.indptr = counts, indices, indptr
    matrix.has_sorted_indices = matrix.has_canonical_format = True
    return matrix
