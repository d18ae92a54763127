"""Twins of the fused training steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.reference.count_cross_entropy import count_cross_entropy_grad
from bigram.reference.optimizers import adamw_update, sgd_update

__all__ = ["train_on_counts", "train_on_windows"]


def train_on_counts(
    weight: npt.NDArray[Any], buffers: Sequence[npt.NDArray[Any]], counts: Any, steps: Any
) -> int:
    """Make full-batch steps on the counts; stop at the first loss that is not finite."""
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
    """Make minibatch steps, each on the counts of the pairs in its windows."""
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
