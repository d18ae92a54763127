"""Twin of sparse counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["count_bigrams_sparse"]


def count_bigrams_sparse(
    tokens: npt.NDArray[Any], vocab_size: int, *, offsets: npt.NDArray[np.int64] | None = None
) -> csr_array[Any, tuple[int, int]]:
    """Count neighbouring pairs in each sequence, a (V, V) ``csr_array`` with sorted indices."""
    from scipy.sparse import coo_array

    ids = tokens.astype(np.int64)
    # Positions 1 ..: a pair ends there unless a sequence begins there.
    ends = np.ones(max(len(ids), 1), bool)
    ends[0] = False
    if offsets is not None:
        ends[: offsets[0]] = ends[offsets[-1] :] = False
        ends[offsets[offsets < len(ids)]] = False
    places = np.flatnonzero(ends)
    ones = np.ones(len(places), np.int64)
    shape = (vocab_size, vocab_size)
    counts = coo_array((ones, (ids[places - 1], ids[places])), shape=shape).tocsr()
    counts.sum_duplicates()
    return counts
