"""Sparse matrices of counts: three arrays put together, without SciPy's scan of their elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.common.types import Csr

__all__ = ["index_dtype", "make_csr"]

_INT32_LIMIT = 2**31 - 1

_empty: dict[str, Any] | None = None


def index_dtype(num_pairs: int) -> np.dtype[Any]:
    """Return the dtype of row starts and column indices: int32 where all of them fit."""
    return np.dtype(np.int32 if num_pairs <= _INT32_LIMIT else np.int64)


def make_csr(
    counts: npt.NDArray[Any], indices: npt.NDArray[Any], indptr: npt.NDArray[Any], num_cols: int
) -> Csr:
    """Put arrays with sorted indices and no stored zeros into a ``csr_array`` as they are.

    Its constructor would scan int64 indices, and so read a memory-mapped file whole.
    """
    shape = (len(indptr) - 1, num_cols)
    blank = _blank()
    blank._shape = shape
    matrix: Csr = blank
    matrix.data, matrix.indices, matrix.indptr = counts, indices, indptr
    assert matrix.shape == shape, "SciPy keeps the shape elsewhere"
    return matrix


def _blank() -> Any:
    """Return a new matrix with the attributes of an empty one: 1 us, where a constructor takes 40.

    All but the shape, which only a constructor can set, goes through documented attributes.
    """
    global _empty
    from scipy.sparse import csr_array

    if _empty is None:
        empty = csr_array((1, 1), dtype=np.int64)
        empty.has_sorted_indices = empty.has_canonical_format = True
        _empty = vars(empty)
    matrix = object.__new__(csr_array)
    vars(matrix).update(_empty)
    return matrix
