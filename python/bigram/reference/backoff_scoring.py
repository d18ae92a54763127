"""Twins of scores under a model with backoff; its arrays are those of `backoff_rows`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["index_pairs", "score_backoff_pairs", "score_backoff_sequences"]

_MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: Fibonacci hashing (Knuth 6.4)


def index_pairs(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
) -> npt.NDArray[np.uint64]:
    """Fill a hash table (slots, 2): a key and the bits of a log-probability; key 0 is empty.

    The key of a pair is ``context * 2**32 + next + 1``. A pair whose slot is taken goes to the next
    free one.
    """
    num_slots = len(log_probs) * 3 // 2 + 17
    slots = np.zeros((num_slots, 2), np.uint64)
    contexts = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    values = log_probs.view(np.uint64)
    for context, following, value in zip(contexts.tolist(), indices.tolist(), values, strict=True):
        key = (context << 32 | following) + 1
        slot = (key * _MULTIPLIER % 2**64) * num_slots >> 64
        while slots[slot, 0]:
            slot = (slot + 1) % num_slots
        slots[slot] = key, value
    return slots


def score_backoff_pairs(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    contexts: npt.NDArray[Any],
    nexts: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Take what is stored for each pair, else backoff and base.

    The pairs are searched in the arrays themselves, where the kernel takes what `index_pairs`
    made of them.
    """
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
    """Sum the scores of the pairs of each sequence."""
    sequences = [tokens] if offsets is None else np.split(tokens, offsets)[1:-1]
    model = (indptr, indices, log_probs, log_backoff, log_base)
    return np.array([score_backoff_pairs(*model, s[:-1], s[1:]).sum() for s in sequences])
