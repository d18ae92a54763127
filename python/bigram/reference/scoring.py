"""Twin of the scores of sequences under a dense table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["score_sequences"]


def score_sequences(
    log_probs: npt.NDArray[Any],
    tokens: npt.NDArray[Any],
    *,
    offsets: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Sum log_probs (V, V) over the pairs of each sequence."""
    sequences = [tokens] if offsets is None else np.split(tokens, offsets)[1:-1]
    return np.array([log_probs[s[:-1], s[1:]].sum(dtype=np.float64) for s in sequences])
