"""Twins of softmax cross-entropy and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["log_softmax", "softmax_cross_entropy", "softmax_cross_entropy_grad"]


def log_softmax(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """``x - log sum exp x`` of each row (n, C), in float64."""
    moved = x.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf is nan, as it should be
        moved -= moved.max(axis=1, keepdims=True, initial=-np.inf)
    total: npt.NDArray[np.float64] = np.exp(moved).sum(axis=1, keepdims=True)
    return moved - np.log(total)


def softmax_cross_entropy(
    logits: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    weight: npt.NDArray[Any] | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    """Return the loss alone."""
    return softmax_cross_entropy_grad(
        logits,
        targets,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )[0]


def softmax_cross_entropy_grad(
    logits: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    weight: npt.NDArray[Any] | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> tuple[Any, npt.NDArray[np.float64]]:
    """Return the loss, a weighted sum of log-softmax, and its gradient by the chain rule."""
    n, classes = logits.shape
    w = np.ones(classes) if weight is None else weight.astype(np.float64)
    counted = targets != ignore_index
    y = np.where(counted, targets, 0)
    # loss_n = sum_j coefficient[n, j] * -log_probs[n, j]
    coefficient = np.zeros((n, classes))
    if label_smoothing > 0:
        coefficient += label_smoothing / classes * w
    coefficient[np.arange(n), y] += (1 - label_smoothing) * w[y]
    coefficient[~counted] = 0.0
    log_probs = log_softmax(logits)
    # A class of no weight adds nothing, unless smoothing multiplies its infinity by zero.
    skip = ~counted[:, None] | ((coefficient == 0) & (label_smoothing == 0))
    skip[counted, y[counted]] = False
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = -np.where(skip, 0.0, coefficient * log_probs).sum(axis=1)
        unit = 1 / w[y[counted]].sum() if reduction == "mean" else 1.0
        mass = coefficient.sum(axis=1, keepdims=True)
        grad = np.exp(log_probs) * (mass * np.where(counted, unit, 0.0)[:, None])
        grad -= np.where(counted[:, None], coefficient * unit, 0.0)
        if reduction == "mean":
            return loss.sum() / w[y[counted]].sum(), grad
    return (loss.sum() if reduction == "sum" else loss), grad
