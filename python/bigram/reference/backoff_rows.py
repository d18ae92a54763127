"""Twins of whole rows of a model with backoff, and of their largest entries.

A model is indptr (V + 1,), indices (pairs,), log_probs (pairs,), log_backoff (V,) and log_base
(V,): the entry of a stored pair is its log_probs, any other is ``log_backoff[i] + log_base[j]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["backoff_rows", "backoff_top_k"]


def backoff_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Return the rows of the contexts, (B, V)."""
    rows: npt.NDArray[np.float64] = log_backoff[contexts, None] + log_base
    for row, context in zip(rows, contexts, strict=True):
        stored = slice(indptr[context], indptr[context + 1])
        row[indices[stored]] = log_probs[stored]
    return rows


def backoff_top_k(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
    k: int,
    *,
    base_order: npt.NDArray[np.int64],  # noqa: ARG001 - the kernel needs it, a sorted row does not
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Sort whole rows; a stable sort puts the lower id first among equals."""
    rows = backoff_rows(indptr, indices, log_probs, log_backoff, log_base, contexts)
    ids = np.argsort(-rows, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(rows, ids, axis=1)
