"""Cross-entropy of a table of logits over counted pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    LARGEST,
    bad_dtype,
    bad_kind,
    bad_shape,
    check_index,
    check_int64,
    check_number,
    check_out,
    check_table,
    is_ready,
    native,
    refuse_masked,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["count_cross_entropy_grad"]


def count_cross_entropy_grad(
    weight: npt.NDArray[Any],
    counts: Any,
    *,
    l2: float = 0.0,
    total: int | None = None,
    out: npt.NDArray[Any] | None = None,
    num_threads: int | None = None,
) -> tuple[float, npt.NDArray[Any]]:
    """Compute the mean cross-entropy over every counted pair, and its gradient, from the counts.

    Equal pairs have equal terms in the mean over all N pairs of ``logsumexp(W[i]) - W[i, j]``, so
    ``L = sum_ij c_ij (logsumexp(W_i) - W_ij) / N + l2 * mean(W**2)`` and
    ``dL/dW_ij = (c_i softmax(W_i)_j - c_ij) / N + 2 l2 W_ij / W.size``, with c_i the sum of row i.
    The counts are the sufficient statistics of the full-batch loss, which this is exactly. It costs
    O(V C), whatever N is. It does not apply where equal pairs have different terms, as with weights
    for single examples.

    Parameters
    ----------
    weight : ndarray, shape (V, C), float32 or float64
        Row i has the logits of the successors of i.
    counts : ndarray or scipy.sparse.csr_array, shape (V, C), int64
        How often j followed i; other integers are widened.
    l2 : float, default 0.0
        The factor of the penalty ``l2 * mean(weight**2)``; finite and not negative.
    total : int, optional
        The sum of the counts, if it is known, which saves a pass over them. It is checked.
    out : ndarray, shape (V, C), dtype of weight, optional
        Receives the gradient and is returned.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    loss : float
        Nats a pair, penalty included; nan if nothing was counted.
    grad : ndarray, shape (V, C), dtype of weight

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If shapes differ, a count is negative (it is named), `total` is not the sum, or `out` is
        read-only, not contiguous or overlaps an input.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import count_cross_entropy_grad
    >>> loss, grad = count_cross_entropy_grad(np.zeros((2, 2)), np.array([[3, 1], [0, 0]]))
    >>> round(loss, 4)
    0.6931
    >>> grad
    array([[-0.25,  0.25],
           [ 0.  ,  0.  ]])
    """
    table = check_table(weight)
    check_number(l2, "l2", 0.0, LARGEST, "a finite number >= 0")
    known = -1 if total is None else check_index(total, "total", 0)
    threads = resolve_num_threads(num_threads)
    grad = np.empty(table.shape, table.dtype) if out is None else out
    if out is not None:
        check_out(out, table.shape, table.dtype, weight)
    if getattr(counts, "shape", table.shape) != table.shape:
        raise bad_shape(counts, "counts", f"{table.shape}, as weight")
    if isinstance(counts, np.ndarray):
        dense = _int64(counts, "counts")
        done, bad, loss = _core.count_cross_entropy_grad(grad, table, dense, known, l2, threads)
        if not done and bad >= 0:
            i, j = divmod(bad, table.shape[1])
            raise ValueError(f"counts[{i}, {j}] = {dense[i, j]} is negative")
    else:
        indptr, indices, data = _csr(counts)
        done, bad, loss = _core.count_cross_entropy_grad_csr(
            grad, table, indptr, indices, data, known, l2, threads
        )
        if not done and bad >= 0:
            raise _bad_entry(indptr, indices, data, bad, table.shape[1])
    if not done:
        raise ValueError(f"total = {total} is not the sum of counts")
    return loss, grad


def _int64(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    if is_ready(array, np.int64):
        return array
    refuse_masked(array, name)
    if array.dtype.kind not in "iu":
        raise bad_dtype(array, name, "int64")
    check_int64(array, name)
    return np.ascontiguousarray(native(array), np.int64)


def _csr(counts: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int64]]:
    if getattr(counts, "format", None) != "csr":
        raise bad_kind(counts, "counts", "a NumPy array or scipy.sparse.csr_array")
    indptr, indices = counts.indptr, counts.indices
    index = np.int32 if indices.dtype == np.int32 and indptr.dtype == np.int32 else np.int64
    return (
        np.ascontiguousarray(indptr, index),
        np.ascontiguousarray(indices, index),
        _int64(counts.data, "counts.data"),
    )


def _bad_entry(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], data: npt.NDArray[Any], k: int, cols: int
) -> ValueError:
    i = int(np.searchsorted(indptr, k, side="right")) - 1
    if data[k] < 0:
        return ValueError(f"counts[{i}, {indices[k]}] = {data[k]} is negative")
    return ValueError(f"counts.indices[{k}] = {indices[k]} (row {i}) is outside [0, {cols})")
