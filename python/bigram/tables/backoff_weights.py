"""The backoff that makes rows sum to one while stored pairs keep their probabilities."""

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
    """Return the mass, (V,), that the base gives to the tokens that each context has not stored.

    It is the mass of the base minus that of the stored tokens. Where less than a tenth is left,
    the difference would lose digits, so the base of the unseen tokens is summed itself, O(V) for
    each such context.
    """
    size = len(base)
    rows = np.repeat(np.arange(size), np.diff(indptr))
    unseen: NDArray[np.float64] = base.sum() - np.bincount(
        rows, weights=base[indices], minlength=size
    )
    nearly_full = np.flatnonzero(unseen < 0.1 * base.sum())
    for block in row_blocks(len(nearly_full), size):
        some = nearly_full[block]
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

    Zero where the stored pairs hold all the mass, or where the base has none left (Katz 1987).
    """
    rows = np.repeat(np.arange(len(base)), np.diff(indptr))
    free = 1.0 - np.bincount(rows, weights=probs, minlength=len(base))
    free[free < 1e-15] = 0.0  # the rounding of the sum
    unseen = unseen_mass(indptr, indices, base)
    backoff = np.zeros(len(base))
    np.divide(free, unseen, out=backoff, where=unseen > 0.0)
    return backoff
