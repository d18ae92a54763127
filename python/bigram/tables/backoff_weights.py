"""The backoff that makes rows sum to one, where the pairs stored keep their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.tables.blocks import row_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["backoff_weights", "unseen_mass"]


def unseen_mass(
    indptr: NDArray[np.int64], indices: NDArray[Any], base: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mass (V,) that the base gives to what each context has not stored.

    Where little is left, it is added up itself: a difference would have lost its digits.
    """
    size = len(base)
    rows = np.repeat(np.arange(size), np.diff(indptr))
    unseen: NDArray[np.float64] = base.sum() - np.bincount(
        rows, weights=base[indices], minlength=size
    )
    little = np.flatnonzero(unseen < 0.1 * base.sum())
    for block in row_blocks(len(little), size):
        some = little[block]
        dense = np.tile(base, (len(some), 1))
        for row, context in zip(dense, some, strict=True):
            row[indices[indptr[context] : indptr[context + 1]]] = 0.0
        unseen[some] = dense.sum(axis=1)
    return unseen


def backoff_weights(
    indptr: NDArray[np.int64],
    indices: NDArray[Any],
    probs: NDArray[np.float64],
    base: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return ``(1 - sum of the stored p) / (mass of the base left)`` for each context, (V,).

    Zero where the stored pairs hold all the mass, or where the base has none left.
    """
    rows = np.repeat(np.arange(len(base)), np.diff(indptr))
    free = 1.0 - np.bincount(rows, weights=probs, minlength=len(base))
    free[free < 1e-15] = 0.0  # rounding
    unseen = unseen_mass(indptr, indices, base)
    backoff = np.zeros(len(base))
    np.divide(free, unseen, out=backoff, where=unseen > 0.0)
    return backoff
