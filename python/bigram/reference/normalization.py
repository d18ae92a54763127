"""Twin of row normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["normalize_rows"]


def normalize_rows(
    counts: npt.NDArray[Any], *, alpha: float = 0.0, dtype: npt.DTypeLike = np.float64
) -> npt.NDArray[Any]:
    """Divide smoothed counts (rows, cols) by their sum; a row without mass stays zero."""
    unit = 1.0 if alpha < 1e290 else 2.0**-64  # a mass beyond float64
    smoothed = counts.astype(np.float64) * unit + alpha * unit
    mass = counts.sum(axis=1, dtype=np.float64)[:, None] * unit + alpha * unit * counts.shape[1]
    probs = np.zeros_like(smoothed)
    np.divide(smoothed, mass, out=probs, where=mass > 0)
    return probs.astype(dtype)
