"""Twins of the kernels of models with backoff; their arrays are those of a `BackoffTable`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["backoff_rows", "backoff_weights", "score_backoff_pairs", "score_backoff_sequences"]


def backoff_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Build whole rows (B, V) of logarithms."""
    rows: npt.NDArray[np.float64] = log_backoff[contexts, None] + log_base
    for row, context in zip(rows, contexts, strict=True):
        stored = slice(indptr[context], indptr[context + 1])
        row[indices[stored]] = log_probs[stored]
    return rows


def backoff_weights(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: npt.NDArray[np.float64],
    backoff: npt.NDArray[np.float64],
    base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Build whole rows (B, V) of weights, in proportion to which a model is sampled."""
    rows: npt.NDArray[np.float64] = backoff[contexts, None] * base
    for row, context in zip(rows, contexts, strict=True):
        stored = slice(indptr[context], indptr[context + 1])
        row[indices[stored]] = weights[stored]
    return rows


def score_backoff_pairs(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
    nexts: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Take what is stored for each pair, else backoff times base (as in a `BackoffTable`)."""
    size = len(log_base)
    rows = np.repeat(np.arange(size), np.diff(indptr))
    keys = rows * size + indices.astype(np.int64)
    wanted = contexts.astype(np.int64) * size + nexts.astype(np.int64)
    places = np.searchsorted(keys, wanted)
    found = np.append(keys, -1)[places] == wanted
    scores: npt.NDArray[np.float64] = log_backoff[contexts] + log_base[nexts]
    scores[found] = log_probs[places[found]]
    return scores


def score_backoff_sequences(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    tokens: npt.NDArray[Any],
    *,
    offsets: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Sum of the scores of the pairs of each sequence."""
    sequences = [tokens] if offsets is None else np.split(tokens, offsets)[1:-1]
    table = (indptr, indices, log_probs, log_backoff, log_base)
    return np.array([score_backoff_pairs(*table, s[:-1], s[1:]).sum() for s in sequences])
