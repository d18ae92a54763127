"""Twin of cross-entropy over looked-up rows of logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.reference.cross_entropy import softmax_cross_entropy_grad

__all__ = ["embedding_cross_entropy_grad"]


def embedding_cross_entropy_grad(
    weight: npt.NDArray[Any],
    contexts: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    sparse: bool = False,
) -> Any:
    """Build the logits ``weight[contexts]``, then add the gradient of each example to its row."""
    x = contexts.astype(np.int64)
    loss, rows = softmax_cross_entropy_grad(weight[x], targets.astype(np.int64))
    grad = np.zeros(weight.shape)
    np.add.at(grad, x, rows)
    if not sparse:
        return loss, grad
    distinct = np.unique(x)
    return loss, distinct, grad[distinct]
