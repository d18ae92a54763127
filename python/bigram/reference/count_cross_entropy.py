"""Twin of cross-entropy over counted pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.reference.cross_entropy import log_softmax

__all__ = ["count_cross_entropy_grad"]


def count_cross_entropy_grad(
    weight: npt.NDArray[Any], counts: Any, *, l2: float = 0.0
) -> tuple[float, npt.NDArray[np.float64]]:
    """Evaluate ``sum_ij c_ij (logsumexp(W_i) - W_ij) / N + l2 mean(W**2)`` and its gradient."""
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
