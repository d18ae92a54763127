"""One step of an optimizer, in place.

The arrays of a call have one shape and one dtype, float32 or float64. They are C-contiguous, and
those that are written do not overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import bad_array, bad_shape, bad_value, check_index, is_ready
from bigram.common.threads import resolve_num_threads

__all__ = ["adamw_update", "sgd_update"]

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)


def adamw_update(
    weight: npt.NDArray[Any],
    grad: npt.NDArray[Any],
    m: npt.NDArray[Any],
    v: npt.NDArray[Any],
    step: int,
    *,
    learning_rate: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    num_threads: int | None = None,
) -> None:
    """Update weight, m and v in place by one step of AdamW, with torch's defaults and order.

    Loshchilov and Hutter 2019, "Decoupled weight decay regularization". The weight decays by
    ``learning_rate * weight_decay``; m and v are the running means of the gradient and of its
    square. Dividing them by ``1 - beta**step`` corrects for their start at zero.

    Parameters
    ----------
    weight, m, v : ndarray, float32 or float64, any shape
        C-contiguous, writeable and apart from each other. m and v start as zeros.
    grad : ndarray, shape and dtype of weight
        Not changed.
    step : int
        The number of this step, from 1.
    learning_rate, betas, eps, weight_decay : float
        Not negative; each beta in [0, 1).
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in dtype or shape, cannot be written or overlap, or an option is out of
        its range.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import adamw_update
    >>> weight, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    >>> adamw_update(weight, np.array([0.5, -0.1]), m, v, 1, learning_rate=0.1)
    >>> weight.round(3)
    array([ 0.899, -1.898])
    """
    _check_weight(weight)
    _check_like(grad, weight, "grad")
    _check_state(m, weight, "m")
    _check_state(v, weight, "v")
    if type(step) is not int or step < 1:
        step = check_index(step, "step", 1, 2**53)
    beta1, beta2 = betas
    if not (learning_rate >= 0.0 and eps >= 0.0 and weight_decay >= 0.0):
        raise ValueError(
            f"learning_rate = {learning_rate}, eps = {eps}, weight_decay = {weight_decay}, "
            "wanted numbers >= 0"
        )
    if not (0.0 <= beta1 < 1.0 and 0.0 <= beta2 < 1.0):
        raise bad_value(betas, "betas", "two numbers in [0, 1)")
    threads = resolve_num_threads(num_threads)
    _core.adamw_update(
        weight, grad, m, v, step, learning_rate, beta1, beta2, eps, weight_decay, threads
    )


def sgd_update(
    weight: npt.NDArray[Any],
    grad: npt.NDArray[Any],
    velocity: npt.NDArray[Any] | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    num_threads: int | None = None,
) -> None:
    """Update weight (and velocity) in place by one step of gradient descent, in torch's order.

    ``g = grad + weight_decay * weight``; ``velocity = momentum * velocity + g``;
    ``weight -= learning_rate * velocity`` (with ``nesterov``: ``g + momentum * velocity``).

    Parameters
    ----------
    weight : ndarray, float32 or float64, any shape
        C-contiguous and writeable.
    grad : ndarray, shape and dtype of weight
        Not changed.
    velocity : ndarray, shape and dtype of weight, optional
        Needed with `momentum`; starts as zeros.
    learning_rate, momentum, weight_decay : float
        Not negative.
    nesterov : bool, default False
        Whether to look ahead along the velocity (Sutskever and others 2013).
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in dtype or shape, cannot be written or overlap, or an option is out of
        its range.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import sgd_update
    >>> weight = np.array([1.0, -2.0])
    >>> sgd_update(weight, np.array([0.5, -0.5]), learning_rate=0.1)
    >>> weight
    array([ 0.95, -1.95])
    """
    _check_weight(weight)
    _check_like(grad, weight, "grad")
    if not (learning_rate >= 0.0 and momentum >= 0.0 and weight_decay >= 0.0):
        raise ValueError(
            f"learning_rate = {learning_rate}, momentum = {momentum}, "
            f"weight_decay = {weight_decay}, wanted numbers >= 0"
        )
    if velocity is not None:
        _check_state(velocity, weight, "velocity")
    elif momentum or nesterov:
        raise ValueError("momentum needs a velocity: np.zeros_like(weight)")
    threads = resolve_num_threads(num_threads)
    _core.sgd_update(
        weight, grad, velocity, learning_rate, momentum, nesterov, weight_decay, threads
    )


def _check_weight(weight: Any) -> None:
    if not (is_ready(weight, _FLOAT32) or is_ready(weight, _FLOAT64)):
        raise bad_array(weight, "weight", "a C-contiguous array of float32 or float64")
    if not weight.flags.writeable:
        raise ValueError("weight is read-only, wanted a writeable array")


def _check_like(array: Any, weight: npt.NDArray[Any], name: str) -> None:
    if not is_ready(array, weight.dtype):
        raise bad_array(array, name, f"a C-contiguous array of {weight.dtype}")
    if array.shape != weight.shape:
        raise bad_shape(array, name, weight.shape)


def _check_state(array: npt.NDArray[Any], weight: npt.NDArray[Any], name: str) -> None:
    _check_like(array, weight, name)
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only")
