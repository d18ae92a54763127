"""Sparse counts as sums: CSR matrices added, and streamed by blocks of rows from memory or files.

A sparse count matrix is a ``scipy.sparse.csr_array`` of int64 with sorted indices and no stored
zeros. Adding two is a merge of sorted rows; adding many, of any size, goes block by block of rows,
so that only one block of each is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bigram.common.csr import index_dtype, make_csr
from bigram.common.types import Array, Csr
from bigram.counts.matrix import (
    PAIRS_PER_BLOCK,
    check_sparse,
)
from bigram.kernels import add_counts
from bigram.storage.stored_array import StoredArray

__all__ = [
    "DenseRows",
    "Rows",
    "SparseRows",
    "add_sparse",
    "assemble",
    "merged_blocks",
    "pairs_of",
    "rows_of",
]

_ROWS_PER_STEP = 1 << 20


class Rows(Protocol):
    """The rows of a square count matrix, in memory or in a file."""

    @property
    def vocab_size(self) -> int:
        """Number of rows and columns."""

    @property
    def max_pairs(self) -> int:
        """At least the number of pairs in all rows."""

    def bound(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return an upper bound of the pairs before each of the rows ``start .. stop``, rising."""

    def block(self, start: int, stop: int) -> Csr:
        """Return the rows ``start .. stop - 1``, shape (stop - start, V)."""


@dataclass(frozen=True)
class SparseRows:
    """Rows of a CSR matrix whose three arrays are in memory or in a file."""

    vocab_size: int
    indptr: Array | StoredArray
    indices: Array | StoredArray
    counts: Array | StoredArray
    verify: bool = False

    @property
    def max_pairs(self) -> int:
        """Number of pairs."""
        return self.counts.size

    def bound(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return how many pairs stand before each of the rows ``start .. stop``."""
        return _part(self.indptr, start, stop + 1).astype(np.int64, copy=False)

    def block(self, start: int, stop: int) -> Csr:
        """Return the rows ``start .. stop - 1``."""
        indptr = self.bound(start, stop)
        first, last = int(indptr[0]), int(indptr[-1])
        indices = _part(self.indices, first, last)
        starts = (indptr - first).astype(indices.dtype)
        counts = _part(self.counts, first, last)
        if self.verify:
            check_sparse(starts, indices, counts, self.vocab_size, stop - start)
        return make_csr(counts, indices, starts, self.vocab_size)


@dataclass(frozen=True)
class DenseRows:
    """Rows of a dense matrix that is in memory, (V, V), or in a file."""

    vocab_size: int
    matrix: Array | StoredArray

    @property
    def max_pairs(self) -> int:
        """Number of pairs; of cells where the matrix is in a file."""
        if isinstance(self.matrix, StoredArray):
            return self.matrix.size
        return int(np.count_nonzero(self.matrix))

    def bound(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return how many cells stand before each of the rows ``start .. stop``."""
        return np.arange(start, stop + 1, dtype=np.int64) * self.vocab_size

    def block(self, start: int, stop: int) -> Csr:
        """Return the rows ``start .. stop - 1``."""
        from scipy.sparse import csr_array

        if isinstance(self.matrix, StoredArray):
            flat = self.matrix.read(start * self.vocab_size, stop * self.vocab_size)
            if flat.min() < 0:
                raise ValueError(f"{self.matrix.file.path}: damaged: a count is negative")
            return csr_array(flat.reshape(stop - start, self.vocab_size))
        return csr_array(self.matrix[start:stop])


def rows_of(matrix: Array | Csr) -> Rows:
    """Return the rows of a matrix in memory, to be read block by block."""
    vocab_size = int(matrix.shape[0])
    if isinstance(matrix, np.ndarray):
        return DenseRows(vocab_size, matrix)
    return SparseRows(vocab_size, matrix.indptr, matrix.indices, matrix.data)


def _part(array: Array | StoredArray, start: int, stop: int) -> Array:
    return array.read(start, stop) if isinstance(array, StoredArray) else array[start:stop]


def merged_blocks(sources: Sequence[Rows], pairs_per_block: int = PAIRS_PER_BLOCK) -> Iterator[Csr]:
    """Yield the sum of count matrices by blocks of rows, from the first row to the last.

    A block is as many rows as hold at most `pairs_per_block` pairs in all matrices together, and
    at least one row.
    """
    vocab_size = sources[0].vocab_size
    for first in range(0, vocab_size, _ROWS_PER_STEP):
        last = min(first + _ROWS_PER_STEP, vocab_size)
        # before[r]: pairs of all sources in the rows ahead of first + r. It ascends, so where a
        # block ends is found by bisection; for V rows at once it could be larger than the block.
        before = np.zeros(last - first + 1, np.int64)
        for source in sources:
            bound = source.bound(first, last)
            before += bound - bound[0]
        row = 0
        while row < last - first:
            fitting = int(np.searchsorted(before, before[row] + pairs_per_block, "right")) - 1
            stop = max(fitting, row + 1)
            yield _sum_blocks([source.block(first + row, first + stop) for source in sources])
            row = stop


def _sum_blocks(blocks: list[Csr]) -> Csr:
    """Add neighbours first, so that each pair is merged log2(n) times, not n."""
    while len(blocks) > 1:
        pairs = zip(blocks[::2], blocks[1::2], strict=False)
        blocks = [add_counts(a, b) for a, b in pairs] + blocks[len(blocks) & ~1 :]
    return blocks[0]


def add_sparse(matrices: Sequence[Csr]) -> Csr:
    """Add sparse counts, shape (V, V): two at once, more by blocks of rows."""
    if len(matrices) <= 2:
        return _sum_blocks(list(matrices))
    blocks = merged_blocks([rows_of(matrix) for matrix in matrices])
    return assemble(blocks, matrices[0].shape[0], sum(matrix.nnz for matrix in matrices))


def assemble(blocks: Iterable[Csr], vocab_size: int, bound: int) -> Csr:
    """Put blocks of rows, of at most `bound` pairs in all, together to a (V, V) matrix."""
    # Pages of these arrays that no pair reaches are never touched, so cost no memory.
    dtype = index_dtype(bound)
    counts, indices = np.empty(bound, np.int64), np.empty(bound, dtype)
    indptr = np.zeros(vocab_size + 1, dtype)
    row, pair = 0, 0
    for block in blocks:
        num_rows, num_pairs = block.shape[0], block.nnz
        counts[pair : pair + num_pairs] = block.data
        indices[pair : pair + num_pairs] = block.indices
        indptr[row + 1 : row + num_rows + 1] = pair + block.indptr[1:].astype(np.int64)
        row, pair = row + num_rows, pair + num_pairs
    return make_csr(counts[:pair], indices[:pair], indptr, vocab_size)


def pairs_of(matrix: Array | Csr) -> Iterator[tuple[Array, Array, Array]]:
    """Yield contexts, next ids and counts of all pairs of a matrix, int64, block by block."""
    row = 0
    for block in merged_blocks([rows_of(matrix)]):
        num_rows = block.shape[0]
        contexts = np.repeat(np.arange(row, row + num_rows), np.diff(block.indptr))
        yield contexts, block.indices.astype(np.int64), block.data
        row += num_rows
