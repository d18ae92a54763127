"""Row normalization: from counts to conditional probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    LARGEST,
    bad_dtype,
    bad_kind,
    bad_shape,
    check_int64,
    check_number,
    check_out,
    is_ready,
    native,
    refuse_masked,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["normalize_rows"]

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)


def normalize_rows(
    counts: npt.NDArray[Any],
    *,
    alpha: float = 0.0,
    dtype: npt.DTypeLike = np.float64,
    out: npt.NDArray[Any] | None = None,
    num_threads: int | None = None,
) -> npt.NDArray[Any]:
    """Turn counts into row-wise probabilities with additive smoothing.

    ``out[i, j] = (counts[i, j] + alpha) / (sum_j counts[i, j] + alpha * cols)``, computed in
    float64 and rounded once (Lidstone 1920; ``alpha=1`` is Laplace's rule of succession).

    Parameters
    ----------
    counts : ndarray, shape (rows, cols), integer or floating
        Finite and not negative. int64 and float64 are used as they are; others are copied.
    alpha : float, default 0.0
        Added to each count; finite and not negative.
    dtype : float32 or float64, default float64
        The dtype of the result. It must agree with `out` if both are given.
    out : ndarray, shape (rows, cols), float32 or float64, optional
        Receives the result and is returned. It must be C-contiguous, writeable and apart from
        `counts`.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    ndarray, shape (rows, cols)
        Rows that sum to one; a row whose counts are all zero stays zero.

    Raises
    ------
    TypeError
        If `counts` are not integers or floats, or `dtype` is not float32 or float64.
    ValueError
        If a count is negative, nan or infinite (the first is named), shapes differ, or `out` is
        read-only, not contiguous or overlaps `counts`.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import normalize_rows
    >>> normalize_rows(np.array([[1, 3], [0, 0]]))
    array([[0.25, 0.75],
           [0.  , 0.  ]])
    """
    array = _checked_counts(counts)
    check_number(alpha, "alpha", 0.0, LARGEST, "a finite number >= 0")
    if out is not None:
        found = getattr(out, "dtype", None)
        if dtype is not np.float64 and found is not None and np.dtype(dtype) != found:
            raise TypeError(f"out has dtype {found}, but dtype = {np.dtype(dtype)}")
        wanted = _FLOAT32 if found == _FLOAT32 else _FLOAT64
        result = check_out(out, array.shape, wanted, counts, array)
    else:
        wanted = np.dtype(dtype)
        if wanted not in (_FLOAT32, _FLOAT64):
            raise TypeError(f"dtype = {wanted}, wanted float32 or float64")
        result = np.empty(array.shape, wanted)
    bad = _core.normalize_rows(result, array, alpha, resolve_num_threads(num_threads))
    if bad >= 0:
        raise _bad_count(array, bad)
    return result


def _checked_counts(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not isinstance(counts, np.ndarray):
        raise bad_kind(counts, "counts", "a NumPy array")
    if counts.ndim != 2:
        raise bad_shape(counts, "counts", "two dimensions")
    if is_ready(counts, np.int64) or is_ready(counts, _FLOAT64):
        return counts
    refuse_masked(counts, "counts")
    kind = counts.dtype.kind
    if kind not in "iuf" or counts.dtype.itemsize > 8:
        raise bad_dtype(counts, "counts", "integers or floats")
    check_int64(counts, "counts")
    return np.ascontiguousarray(native(counts), np.float64 if kind == "f" else np.int64)


def _bad_count(counts: npt.NDArray[Any], flat: int) -> ValueError:
    row, col = divmod(flat, counts.shape[1])
    if flat < counts.size and not 0 <= counts[row, col] < math.inf:
        value = counts[row, col]
        return ValueError(f"counts[{row}, {col}] = {value}, wanted a finite number >= 0")
    return ValueError(f"the sum of counts[{row - 1}] is not finite")
