"""Twins of one step of an optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["adamw_update", "sgd_update"]


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
) -> None:
    """Make the step of torch.optim.AdamW (Loshchilov and Hutter 2019), in place."""
    beta1, beta2 = betas
    weight *= 1 - learning_rate * weight_decay
    m += (1 - beta1) * (grad - m)
    v *= beta2
    v += (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    weight -= learning_rate * m_hat / (np.sqrt(v_hat) + eps)


def sgd_update(
    weight: npt.NDArray[Any],
    grad: npt.NDArray[Any],
    velocity: npt.NDArray[Any] | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    """Make the step of torch.optim.SGD, in place."""
    slope = grad + weight_decay * weight
    if velocity is not None:
        velocity *= momentum
        velocity += slope
        slope = slope + momentum * velocity if nesterov else velocity
    weight -= learning_rate * slope
