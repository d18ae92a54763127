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

from bigram.kernels import add_counts
from bigram.kernels._checks import MAX_INT
from bigram.kernels._csr import Csr, index_dtype, make_csr
from bigram.stored_arrays import Array, StoredArray

__all__ = [
    "DenseRows",
    "Rows",
    "RunningSum",
    "SparseRows",
    "add_sparse",
    "assemble",
    "check_layout",
    "check_sparse",
    "check_total",
    "empty_sparse",
    "exact_sum",
    "merged_blocks",
    "rows_of",
]

PAIRS_PER_BLOCK = 1 << 22  # 50 MB of indices and counts for each of the matrices added
_ROWS_PER_STEP = 1 << 20


class Rows(Protocol):
    """The rows of a square count matrix, wherever it lies."""

    @property
    def vocab_size(self) -> int:
        """Number of rows and columns."""

    @property
    def max_pairs(self) -> int:
        """At least the number of pairs in all rows."""

    def bound(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return at most how many pairs stand before each of the rows ``start .. stop``."""

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
                raise ValueError(f"{self.matrix.path}: damaged: a count is negative")
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

    A block takes as many rows as bring in at most `pairs_per_block` pairs from all matrices
    together, and at least one row.
    """
    vocab_size = sources[0].vocab_size
    for first in range(0, vocab_size, _ROWS_PER_STEP):
        last = min(first + _ROWS_PER_STEP, vocab_size)
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
    """Add pairwise, so that each pair is merged log2(n) times, not n."""
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


class RunningSum:
    """A sum of many sparse matrices, added in pairs of like size.

    Each new part is added to the part before it once it is half as large as that one. Every pair
    is then merged a number of times that grows with the logarithm of the number of parts, so that
    time stays close to linear; the parts together are at most twice the largest.
    """

    def __init__(self) -> None:
        self._parts: list[Csr] = []

    @property
    def nbytes(self) -> int:
        """Bytes of all parts together."""
        return sum(p.data.nbytes + p.indices.nbytes + p.indptr.nbytes for p in self._parts)

    @property
    def num_pairs(self) -> int:
        """Number of pairs in all parts together."""
        return sum(part.nnz for part in self._parts)

    def add(self, part: Csr) -> None:
        """Add one more matrix."""
        self._parts.append(part)
        while len(self._parts) > 1 and self._parts[-2].nnz < 2 * self._parts[-1].nnz:
            self._parts[-2:] = [add_sparse(self._parts[-2:])]

    def total(self) -> Csr | None:
        """Return the sum, or None where nothing was added."""
        if len(self._parts) > 1:
            self._parts = [add_sparse(self._parts)]
        return self._parts[0] if self._parts else None


def check_layout(
    indptr: Array | StoredArray,
    indices: Array | StoredArray,
    counts: Array | StoredArray,
    num_rows: int,
) -> None:
    """Raise ValueError unless dtypes and shapes are those of a matrix of counts."""
    if counts.dtype != np.int64 or indices.dtype.kind != "i" or indptr.dtype.kind != "i":
        raise ValueError(
            f"indptr, indices and counts have dtypes {indptr.dtype}, {indices.dtype} and "
            f"{counts.dtype}; wanted signed integers, and int64 for counts"
        )
    if indptr.shape != (num_rows + 1,) or not counts.shape == indices.shape == (indices.size,):
        raise ValueError(
            f"indptr, indices and counts have shapes {indptr.shape}, {indices.shape} and "
            f"{counts.shape}; wanted ({num_rows + 1},) and twice the number of pairs"
        )


def check_sparse(
    indptr: Array, indices: Array, counts: Array, vocab_size: int, num_rows: int | None = None
) -> None:
    """Raise ValueError unless the arrays are a sound matrix of counts with sorted indices.

    Its shape is (num_rows, V), or (V, V).
    """
    num_rows = vocab_size if num_rows is None else num_rows
    check_layout(indptr, indices, counts, num_rows)
    num_pairs = len(indices)
    if indptr[0] != 0 or indptr[-1] != num_pairs:
        raise ValueError(f"indptr runs from {indptr[0]} to {indptr[-1]}, wanted 0 to {num_pairs}")
    for start in range(0, num_rows, PAIRS_PER_BLOCK):
        if np.any(np.diff(indptr[start : start + PAIRS_PER_BLOCK + 1]) < 0):
            raise ValueError("indptr must not decrease")
    for start in range(0, num_pairs, PAIRS_PER_BLOCK):
        part = indices[start : start + PAIRS_PER_BLOCK + 1]
        if part.min() < 0 or part.max() >= vocab_size:
            wrong = part.min() if part.min() < 0 else part.max()
            raise ValueError(f"indices hold {wrong}, which is outside [0, {vocab_size})")
        # Only where a row begins may an index not exceed the one before it.
        falls = np.flatnonzero(part[1:] <= part[:-1]) + (start + 1)
        if np.any(indptr[np.searchsorted(indptr, falls)] != falls):
            raise ValueError("indices must increase within each row")
        if counts[start : start + PAIRS_PER_BLOCK].min() < 0:
            raise ValueError("counts must not be negative")
    check_total(exact_sum(counts))


def exact_sum(counts: Array) -> int:
    """Return the sum of counts, however large it is."""
    if counts.size == 0 or int(counts.max()) * counts.size <= MAX_INT:
        return int(counts.sum())
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())


def check_total(total: int, name: str = "the counts") -> None:
    """Raise ValueError for counts that add up to more than int64 can hold."""
    if total > MAX_INT:
        raise ValueError(f"{name} add up to {total}, which is more than int64 can hold")


def empty_sparse(vocab_size: int) -> Csr:
    """Return a (V, V) matrix without pairs."""
    indices = np.zeros(0, np.int32)
    indptr = np.zeros(vocab_size + 1, np.int32)
    return make_csr(np.zeros(0, np.int64), indices, indptr, vocab_size)
