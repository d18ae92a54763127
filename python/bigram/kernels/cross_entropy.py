"""Softmax cross-entropy and its gradient, fused.

N is the number of rows, C that of classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    bad_dtype,
    bad_kind,
    bad_shape,
    bad_value,
    check_index,
    check_int64,
    check_number,
    native,
    refuse_masked,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["softmax_cross_entropy", "softmax_cross_entropy_grad"]

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)
_INT32: np.dtype[Any] = np.dtype(np.int32)
_INT64: np.dtype[Any] = np.dtype(np.int64)


def softmax_cross_entropy(
    logits: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    weight: npt.NDArray[Any] | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    num_threads: int | None = None,
) -> Any:
    """Compute the cross-entropy of softmax(logits) as torch's ``F.cross_entropy`` does.

    ``loss_n = -log softmax(logits[n])[targets[n]]``, computed from ``logits - max(logits)`` and
    summed in float64. With smoothing e (Szegedy and others 2016),
    ``loss_n = (1 - e) w[y] nll[y] + e / C * sum_j w[j] nll[j]``. The mean divides by the sum of
    ``w[y]`` over the targets that are not ignored. Every instruction set is within 1e-6 (float32)
    or 1e-12 (float64) of the exact value; the last bits may differ between them.

    Parameters
    ----------
    logits : ndarray, shape (N, C), float32 or float64
        Of any strides; they are copied unless each row is contiguous.
    targets : ndarray, shape (N,), int32 or int64
        Each in [0, C), or `ignore_index`. Other integer dtypes are converted to int64.
    weight : ndarray, shape (C,), float32 or float64, optional
        The weight of each class.
    ignore_index : int, default -100
        Targets of this value are ignored.
    label_smoothing : float, default 0.0
        In [0, 1].
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each row.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    float, or float64 ndarray of shape (N,) for "none"
        In nats. The mean of nothing (N = 0, or all ignored) is nan.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If shapes differ, or a target (the first is named) or an option is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import softmax_cross_entropy
    >>> logits = np.zeros((2, 65))
    >>> round(softmax_cross_entropy(logits, np.array([3, 64])), 4)
    4.1744
    """
    return _cross_entropy(
        logits, targets, None, weight, ignore_index, label_smoothing, reduction, num_threads
    )


def softmax_cross_entropy_grad(
    logits: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    weight: npt.NDArray[Any] | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    out: npt.NDArray[Any] | None = None,
    num_threads: int | None = None,
) -> tuple[Any, npt.NDArray[Any]]:
    """Compute the cross-entropy and its gradient for the logits, in one pass over memory.

    For the mean without options, ``grad = (softmax(logits) - onehot(targets)) / N``. It is as exact
    as the loss.

    Parameters
    ----------
    logits, targets, weight, ignore_index, label_smoothing, reduction, num_threads
        As for :func:`softmax_cross_entropy`; for "none" the gradient is that of ``loss.sum()``.
    out : ndarray, shape (N, C), dtype of logits, optional
        Receives the gradient and is returned. It may be ``logits`` itself; its rows must be
        contiguous.

    Returns
    -------
    loss : float, or float64 ndarray of shape (N,)
    grad : ndarray, shape (N, C), dtype of logits

    Raises
    ------
    TypeError, ValueError
        If :func:`softmax_cross_entropy` raises, or `out` is read-only, has another dtype or shape,
        or overlaps an input without being ``logits``.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import softmax_cross_entropy_grad
    >>> loss, grad = softmax_cross_entropy_grad(np.zeros((1, 4)), np.array([2]))
    >>> grad
    array([[ 0.25,  0.25, -0.75,  0.25]])
    """
    if out is None:
        if not isinstance(logits, np.ndarray):
            raise bad_kind(logits, "logits", "a NumPy array")
        out = np.empty(logits.shape, logits.dtype.newbyteorder("="))
    else:
        _check_out(out, logits)
    loss = _cross_entropy(
        logits, targets, out, weight, ignore_index, label_smoothing, reduction, num_threads
    )
    return loss, out


def _cross_entropy(
    logits: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    out: npt.NDArray[Any] | None,
    weight: npt.NDArray[Any] | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
    num_threads: int | None,
) -> Any:
    x = _checked_logits(logits)
    y = _checked_targets(targets, x.shape[0])
    if weight is not None:
        weight = _checked_weight(weight, x.shape[1])
    if type(ignore_index) is not int:
        ignore_index = check_index(ignore_index, "ignore_index", -(2**63), 2**63 - 1)
    check_number(label_smoothing, "label_smoothing", 0.0, 1.0, "a number in [0, 1]")
    # The binding's sign for the reduction: None the mean, False the sum, an array each.
    each: Any = None
    if reduction != "mean":
        if reduction not in ("sum", "none"):
            raise bad_value(reduction, "reduction", "'mean', 'sum' or 'none'")
        each = np.empty(x.shape[0]) if reduction == "none" else False
    bad, loss = _core.softmax_cross_entropy(
        each, out, x, y, weight, ignore_index, label_smoothing, resolve_num_threads(num_threads)
    )
    if bad >= 0:
        raise ValueError(
            f"targets[{bad}] = {y[bad]} is outside [0, {x.shape[1]})"
            f" and is not ignore_index = {ignore_index}"
        )
    return each if reduction == "none" else loss


def _checked_logits(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not isinstance(logits, np.ndarray):
        raise bad_kind(logits, "logits", "a NumPy array")
    refuse_masked(logits, "logits")
    if logits.ndim != 2:
        raise bad_shape(logits, "logits", "two dimensions (N, C)")
    dtype = logits.dtype
    if dtype not in (_FLOAT32, _FLOAT64) or not dtype.isnative:
        if dtype.newbyteorder("=") not in (_FLOAT32, _FLOAT64):
            raise bad_dtype(logits, "logits", "float32 or float64")
        return native(logits)
    if logits.flags.c_contiguous and logits.flags.aligned:
        return logits
    logits = native(logits)
    return logits if _rows_are_contiguous(logits) else np.ascontiguousarray(logits)


def _rows_are_contiguous(array: npt.NDArray[Any]) -> bool:
    return array.shape[1] <= 1 or array.strides[1] == array.itemsize or array.size == 0


def _checked_targets(targets: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    if not isinstance(targets, np.ndarray):
        raise bad_kind(targets, "targets", "a NumPy array")
    refuse_masked(targets, "targets")
    if targets.shape != (n,):
        raise bad_shape(targets, "targets", f"({n},), as logits has rows")
    if targets.dtype in (_INT64, _INT32) and targets.dtype.isnative:
        return targets if targets.flags.aligned else native(targets)
    if targets.dtype.kind not in "iu":
        raise bad_dtype(targets, "targets", "int32 or int64")
    check_int64(targets, "targets")
    return targets.astype(np.int64)


def _checked_weight(weight: npt.NDArray[Any], classes: int) -> npt.NDArray[Any]:
    if not isinstance(weight, np.ndarray):
        raise bad_kind(weight, "weight", "a NumPy array")
    refuse_masked(weight, "weight")
    if weight.dtype.newbyteorder("=") not in (_FLOAT32, _FLOAT64):
        raise bad_dtype(weight, "weight", "float32 or float64")
    if weight.shape != (classes,):
        raise bad_shape(weight, "weight", f"({classes},)")
    return np.ascontiguousarray(weight, np.float64)


def _check_out(out: npt.NDArray[Any], logits: npt.NDArray[Any]) -> None:
    if not isinstance(out, np.ndarray):
        raise bad_kind(out, "out", "a NumPy array")
    refuse_masked(out, "out")
    if not isinstance(logits, np.ndarray):
        raise bad_kind(logits, "logits", "a NumPy array")
    if out.dtype != logits.dtype.newbyteorder("=") or not out.dtype.isnative:
        raise bad_dtype(out, "out", logits.dtype.newbyteorder("="))
    if out.shape != logits.shape:
        raise bad_shape(out, "out", logits.shape)
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    if out.ndim == 2 and not (_rows_are_contiguous(out) and out.flags.aligned):
        raise ValueError("the rows of out are not contiguous; it is never silently copied")
