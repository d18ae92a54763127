"""Sparse matrices: three arrays put together as they are, and the checks of arrays of others.

SciPy trusts the arrays of a matrix: it sorts, converts and adds up beyond their ends where row
starts or indices are wrong, and it remembers "sorted" after somebody has changed the indices. So
arrays that this package did not make are checked here before any call of SciPy or of a kernel.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from bigram.common.types import Array, Csr

__all__ = [
    "check_arrays",
    "check_indices",
    "check_starts",
    "has_sorted_rows",
    "index_dtype",
    "make_csr",
]

_INT32_LIMIT = 2**31 - 1
_CHUNK = 1 << 16  # elements looked at together: they stay in the cache between the passes


def index_dtype(num_pairs: int) -> np.dtype[np.signedinteger]:
    """Return the dtype of row starts and column indices: int32 where all of them fit."""
    return np.dtype(np.int32 if num_pairs <= _INT32_LIMIT else np.int64)


def make_csr(counts: Array, indices: Array, indptr: Array, num_cols: int) -> Csr:
    """Put arrays with sorted indices and no stored zeros into a ``csr_array`` as they are.

    The constructor of SciPy before 1.15 scans int64 indices, and so reads a memory-mapped file
    whole. That of every version takes 40 us, where counting ten tokens takes 4 us in all. So this
    is a shallow copy of an empty matrix of the same shape (1 us; ``copy.copy`` takes 4 us), and
    the rest are assignments to documented attributes.
    """
    empty = _empty((len(indptr) - 1, num_cols))
    matrix = object.__new__(type(empty))
    vars(matrix).update(vars(empty))
    matrix.data, matrix.indices, matrix.indptr = counts, indices, indptr
    return matrix


@lru_cache(maxsize=64)
def _empty(shape: tuple[int, int]) -> Csr:
    from scipy.sparse import csr_array

    matrix: Csr = csr_array(shape, dtype=np.int64)
    matrix.has_sorted_indices = matrix.has_canonical_format = True
    matrix.indptr = matrix.indices  # of no elements: what is cached stays small
    return matrix


class Layout(Protocol):
    """Dtype and shape, as an array in memory or in a file has them."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind and size of an element."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of elements along each dimension."""


def check_arrays(indptr: Layout, indices: Layout, num_rows: int, num_values: int) -> None:
    """Raise ValueError unless dtypes and shapes are those of a CSR matrix of `num_rows` rows.

    Narrower integers than int32 are refused: sums and products of them wrap.
    """
    for name, array in (("indptr", indptr), ("indices", indices)):
        if array.dtype.newbyteorder("=") not in (np.int32, np.int64):
            raise ValueError(f"{name} has dtype {array.dtype}, wanted int32 or int64")
    if indptr.shape != (num_rows + 1,):
        raise ValueError(f"indptr has shape {indptr.shape}, wanted ({num_rows + 1},)")
    if indices.shape != (num_values,):
        raise ValueError(f"indices has shape {indices.shape}, wanted ({num_values},)")


def check_starts(indptr: Array, num_pairs: int) -> None:
    """Raise ValueError unless row starts ascend from 0 to the number of pairs."""
    if indptr[0] != 0 or indptr[-1] != num_pairs:
        raise ValueError(f"indptr runs from {indptr[0]} to {indptr[-1]}, wanted 0 to {num_pairs}")
    for start in range(0, len(indptr) - 1, _CHUNK):
        part = indptr[start : start + _CHUNK + 1]
        if (part[1:] < part[:-1]).any():
            raise ValueError("indptr decreases, wanted row starts in order")


def check_indices(indices: Array, limit: int, name: str = "indices") -> None:
    """Raise ValueError unless all indices are in [0, limit)."""
    for start in range(0, len(indices), _CHUNK):
        part = indices[start : start + _CHUNK]
        low, high = part.min(), part.max()
        if low < 0 or high >= limit:
            wrong = low if low < 0 else high
            raise ValueError(f"{name} hold {wrong}, which is outside [0, {limit})")


def has_sorted_rows(indptr: Array, indices: Array) -> bool:
    """Return whether indices increase within each row; row starts must have been checked."""
    for start in range(0, len(indices) - 1, _CHUNK):
        part = indices[start : start + _CHUNK + 1]
        rises = part[1:] > part[:-1]
        # Where a row begins, an index need not exceed the one before it.
        first, last = np.searchsorted(indptr, (start + 1, start + len(part)))
        rises[indptr[first:last] - (start + 1)] = True
        if not rises.all():
            return False
    return True
