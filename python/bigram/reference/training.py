"""Twins of the kernels that train: cross-entropies with their gradients, and optimizers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "adamw_update",
    "count_cross_entropy_grad",
    "embedding_cross_entropy_grad",
    "sgd_update",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "train_on_counts",
    "train_on_windows",
]


def log_softmax(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """``x - log sum exp x`` of each row (n, C), in float64."""
    moved = x.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf is nan, as it should be
        moved -= moved.max(axis=1, keepdims=True, initial=-np.inf)
    total: npt.NDArray[np.float64] = np.exp(moved).sum(axis=1, keepdims=True)
    return moved - np.log(total)


def softmax_cross_entropy(
    logits: npt.NDArray[Any], targets: npt.NDArray[Any], **options: Any
) -> Any:
    """Return the loss alone."""
    return softmax_cross_entropy_grad(logits, targets, **options)[0]


def softmax_cross_entropy_grad(
    logits: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    weight: npt.NDArray[Any] | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> tuple[Any, npt.NDArray[np.float64]]:
    """Loss, and its gradient as that of log-softmax after that of a weighted sum of it."""
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


def embedding_cross_entropy_grad(
    weight: npt.NDArray[Any],
    contexts: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    sparse: bool = False,
) -> Any:
    """Build the logits, then add their gradients row by row."""
    x = contexts.astype(np.int64)
    loss, rows = softmax_cross_entropy_grad(weight[x], targets.astype(np.int64))
    grad = np.zeros(weight.shape)
    np.add.at(grad, x, rows)
    if not sparse:
        return loss, grad
    distinct = np.unique(x)
    return loss, distinct, grad[distinct]


def count_cross_entropy_grad(
    weight: npt.NDArray[Any], counts: Any, *, l2: float = 0.0
) -> tuple[float, npt.NDArray[np.float64]]:
    """``sum_ij c_ij (logsumexp(W_i) - W_ij) / N + l2 mean(W^2)``; counts dense or CSR."""
    dense = counts if isinstance(counts, np.ndarray) else counts.toarray()
    w = weight.astype(np.float64)
    row_sums = dense.sum(axis=1, keepdims=True)
    total = float(dense.sum())
    log_probs = log_softmax(w)
    with np.errstate(invalid="ignore", divide="ignore"):
        nll = np.where(dense > 0, -dense * log_probs, 0.0).sum()
        expected = np.where(row_sums > 0, row_sums * np.exp(log_probs), 0.0)
        grad = (expected - dense) / max(total, 1.0)
        loss = nll / np.float64(total)
    if l2:
        loss += l2 * (w**2).mean()
        grad += 2 * l2 * w / w.size
    return float(loss), grad


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
    """Update as torch.optim.AdamW does, in place."""
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
    """Update as torch.optim.SGD does, in place."""
    slope = grad + weight_decay * weight
    if velocity is not None:
        velocity *= momentum
        velocity += slope
        slope = slope + momentum * velocity if nesterov else velocity
    weight -= learning_rate * slope


def train_on_counts(
    weight: npt.NDArray[Any], buffers: Sequence[npt.NDArray[Any]], counts: Any, steps: Any
) -> int:
    """Make full-batch steps, each from the gradient of all counts; stop at a loss not finite."""
    for step, rate in enumerate(steps.learning_rates.tolist()):
        loss, grad = count_cross_entropy_grad(weight, counts, l2=steps.l2)
        steps.losses[step] = loss
        if not np.isfinite(loss):
            return step
        if steps.clip_norm is not None:
            grad *= min(1.0, steps.clip_norm / (np.linalg.norm(grad) + 1e-6))
        rule, made = steps.rule, steps.steps_before + step + 1
        options: dict[str, Any] = {"learning_rate": rate, "weight_decay": rule.weight_decay}
        if rule.name == "adamw":
            m, v = buffers
            adamw_update(weight, grad, m, v, made, betas=rule.betas, eps=rule.eps, **options)
        else:
            sgd_update(weight, grad, *buffers, momentum=rule.momentum, **options)
    return len(steps.losses)


def train_on_windows(
    weight: npt.NDArray[Any],
    buffers: Sequence[npt.NDArray[Any]],
    tokens: npt.NDArray[Any],
    positions: npt.NDArray[np.int64],
    block_size: int,
    steps: Any,
) -> int:
    """Make minibatch steps, each from the counts of the pairs in its windows."""
    for step, starts in enumerate(positions):
        places = starts[:, None] + np.arange(block_size)
        counts = np.zeros(weight.shape, np.int64)
        np.add.at(counts, (tokens[places], tokens[places + 1]), 1)
        one = dataclasses.replace(
            steps,
            losses=steps.losses[step : step + 1],
            learning_rates=steps.learning_rates[step : step + 1],
            steps_before=steps.steps_before + step,
        )
        if train_on_counts(weight, buffers, counts, one) == 0:
            return step
    return len(steps.losses)
