"""Types that many modules name, with their shape and dtype."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "Array",
    "Column",
    "Csr",
    "Dense",
    "Ids",
    "Json",
    "Offsets",
    "StrPath",
    "StrPaths",
]

# An array of any shape and dtype.
Array: TypeAlias = npt.NDArray[Any]

# Token ids, shape (n,): uint8, uint16 or uint32, the smallest that holds vocab_size - 1.
Ids: TypeAlias = npt.NDArray[Any]

# Where sequences begin and end, shape (n_sequences + 1,).
Offsets: TypeAlias = npt.NDArray[np.int64]

# One figure for each pair of tokens (its context, its next id or its count), shape (n_pairs,).
Column: TypeAlias = npt.NDArray[np.int64]

# Counts of all pairs, shape (V, V).
Dense: TypeAlias = npt.NDArray[np.int64]

# A matrix with sorted column indices (int32 or int64) and no stored zeros; int64 for counts.
Csr: TypeAlias = "csr_array[Any, tuple[int, int]]"

# A JSON object.
Json: TypeAlias = dict[str, Any]

# The path of a file, and of one or many.
StrPath: TypeAlias = str | os.PathLike[str]
StrPaths: TypeAlias = StrPath | Iterable[StrPath]
