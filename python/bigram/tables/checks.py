"""Checks of arguments that every table makes: ids in the vocabulary, and how many are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bigram.kernels._checks import check_index, check_inside

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["check_ids", "check_pairs", "check_real", "check_top_k"]


def check_ids(ids: ArrayLike, vocab_size: int, name: str) -> NDArray[np.int64]:
    """Return ids as a 1-D int64 array, each checked to lie in [0, vocab_size)."""
    array = np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; wanted one dimension")
    if array.size:  # an empty list is float64 to NumPy
        check_inside(array, vocab_size, name)
    return array.astype(np.int64, copy=False)


def check_pairs(
    contexts: ArrayLike, nexts: ArrayLike, vocab_size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both sides of the pairs, checked as `check_ids` does and of one length."""
    rows = check_ids(contexts, vocab_size, "contexts")
    columns = check_ids(nexts, vocab_size, "nexts")
    if len(rows) != len(columns):
        raise ValueError(f"nexts has length {len(columns)}; wanted that of contexts, {len(rows)}")
    return rows, columns


def check_top_k(k: object, vocab_size: int) -> int:
    """Return the number of successors wanted, at least 1 and clipped to V."""
    return min(check_index(k, "k", 1), vocab_size)


def check_real(value: object, name: str) -> None:
    """Refuse what is no real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
