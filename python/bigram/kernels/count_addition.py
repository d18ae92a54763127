"""The sum of two sparse count matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import bad_kind
from bigram.common.csr import check_arrays, check_starts, index_dtype, make_csr
from bigram.common.threads import resolve_num_threads
from bigram.common.types import Csr

__all__ = ["add_counts"]


def add_counts(a: Csr, b: Csr, *, num_threads: int | None = None) -> Csr:
    """Add two sparse count matrices.

    Parameters
    ----------
    a, b : scipy.sparse.csr_array, shape (rows, cols), int64
        With sorted indices and each pair at most once.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The result does not depend on it.

    Returns
    -------
    scipy.sparse.csr_array, shape (rows, cols), int64
        With sorted indices.

    Raises
    ------
    TypeError
        If a matrix is not a CSR matrix of int64.
    ValueError
        If the shapes differ, indices are not sorted, a pair occurs twice, or the arrays of a matrix
        do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from bigram.kernels import add_counts
    >>> counts = csr_array(np.array([[0, 1], [1, 0]]))
    >>> add_counts(counts, counts).toarray()
    array([[0, 2],
           [2, 0]])
    """
    for name, matrix in (("a", a), ("b", b)):
        if getattr(matrix, "format", None) != "csr" or matrix.dtype != np.int64:
            raise bad_kind(matrix, name, "a csr_array of int64")
        check_arrays(matrix.indptr, matrix.indices, matrix.shape[0], len(matrix.data))
        check_starts(matrix.indptr, len(matrix.indices))  # SciPy, asked next, trusts them
        if not matrix.has_canonical_format:
            raise ValueError(f"{name} has indices that are not sorted, or a pair twice")
    if a.shape != b.shape:
        raise ValueError(f"a has shape {a.shape}, b {b.shape}, wanted the same")
    dtype = index_dtype(len(a.indices) + len(b.indices))
    if dtype == np.int32 and a.indices.dtype == b.indices.dtype:
        dtype = a.indices.dtype
    indptr, indices, counts = _core.add_counts(
        _parts(a, dtype), _parts(b, dtype), resolve_num_threads(num_threads)
    )
    return make_csr(counts, indices, indptr.astype(indices.dtype, copy=False), a.shape[1])


def _parts(
    matrix: Csr, dtype: np.dtype[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int64]]:
    return (
        np.ascontiguousarray(matrix.indptr, dtype),
        np.ascontiguousarray(matrix.indices, dtype),
        np.ascontiguousarray(matrix.data, np.int64),
    )
