"""Tokens by Zipf's law, and their counts in little memory."""

from __future__ import annotations

import numpy as np

from bigram import kernels

DRAWN = 100_000_000  # longer texts repeat themselves


def zipf_tokens(vocab_size: int, count: int) -> np.ndarray:
    """Return ids in [0, vocab_size), id i with weight 1 / (i + 1), in the smallest dtype."""
    dtype = np.min_scalar_type(vocab_size - 1)
    weights = 1 / np.arange(1, vocab_size + 1)
    tokens = kernels.multinomial(weights, min(count, DRAWN), seed=0).astype(dtype)
    return tokens if count <= DRAWN else np.resize(tokens, count)


def unigram_counts(tokens: np.ndarray, vocab_size: int) -> np.ndarray:
    """Return how often each id occurs: np.bincount, which would take 8 bytes a token at once."""
    counts = np.zeros(vocab_size, np.int64)
    for start in range(0, len(tokens), 1 << 22):
        counts += np.bincount(tokens[start : start + (1 << 22)], minlength=vocab_size)
    return counts
