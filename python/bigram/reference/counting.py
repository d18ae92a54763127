"""Twin of dense counting."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["count_bigrams"]


def count_bigrams(
    tokens: npt.NDArray[Any], vocab_size: int, *, offsets: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Count neighbouring pairs in each sequence, (V, V): pair (i, j) is number i * V + j."""
    sequences = [tokens] if offsets is None else np.split(tokens, offsets)[1:-1]
    counts = np.zeros(vocab_size * vocab_size, np.int64)
    for sequence in sequences:
        ids = sequence.astype(np.int64)
        pairs = ids[:-1] * vocab_size + ids[1:]
        counts += np.bincount(pairs, minlength=vocab_size * vocab_size)
    return counts.reshape(vocab_size, vocab_size)
