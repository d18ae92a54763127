"""Counted pairs as arrays, with the sums that smoothing methods use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.counts.matrix import sound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.counts.bigram_counts import BigramCounts

__all__ = ["PairCounts"]


@dataclass(frozen=True, eq=False)
class PairCounts:
    """The pairs that occur, row by row, ids ascending in each row.

    Attributes
    ----------
    indptr : ndarray, shape (V + 1,), int64
        The pairs of context `i` are at `indptr[i]:indptr[i + 1]`.
    indices : ndarray, shape (pairs,), int32 or int64
        The successor of each pair.
    counts : ndarray, shape (pairs,), int64
        At least 1.
    last_new_id : int or None
        The token whose first occurrence is the latest, if that is known.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[Any]
    counts: NDArray[np.int64]
    last_new_id: int | None = None

    @classmethod
    def of(cls, counts: BigramCounts) -> PairCounts:
        """Make the pairs of dense or sparse counts; stored zeros are left out."""
        matrix: Any = sound(counts.matrix)  # dense or sparse
        last = getattr(counts.tokenizer, "last_new_id", None)
        if isinstance(matrix, np.ndarray):
            rows, columns = np.nonzero(matrix)
            lengths = np.bincount(rows, minlength=len(matrix))
            return cls(_starts(lengths), columns.astype(np.int32), matrix[rows, columns], last)
        if len(matrix.data) and matrix.data.min() <= 0:
            matrix = matrix.copy()
            matrix.eliminate_zeros()
        indptr = matrix.indptr.astype(np.int64, copy=False)
        return cls(indptr, matrix.indices, matrix.data, last)

    @property
    def vocab_size(self) -> int:
        """V, the number of ids."""
        return len(self.indptr) - 1

    @property
    def total(self) -> int:
        """Number of pairs counted, repeats included."""
        return int(self.counts.sum())

    @cached_property
    def num_successors(self) -> NDArray[np.int64]:
        """n_i: number of distinct successors of each context, shape (V,)."""
        return np.diff(self.indptr)

    @cached_property
    def num_predecessors(self) -> NDArray[np.int64]:
        """Number of distinct contexts of each token, its continuation count, shape (V,)."""
        return np.bincount(self.indices, minlength=self.vocab_size)

    @cached_property
    def row_sums(self) -> NDArray[np.int64]:
        """c_i: how often each context occurs, shape (V,)."""
        return self.sum_rows(self.counts)

    @cached_property
    def column_sums(self) -> NDArray[np.int64]:
        """How often each token follows another, shape (V,)."""
        if self.total <= 2**53:  # float64 sums are exact
            sums = np.bincount(self.indices, weights=self.counts, minlength=self.vocab_size)
            return sums.astype(np.int64)
        exact = np.zeros(self.vocab_size, np.int64)
        np.add.at(exact, self.indices, self.counts)
        return exact

    def sum_rows(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum the values of pairs over the pairs of each context, shape (V,)."""
        sums = np.zeros(self.vocab_size, values.dtype)
        full = self.num_successors > 0  # reduceat gives an empty row the element after it
        if len(values):
            sums[full] = np.add.reduceat(values, self.indptr[:-1][full])
        return sums

    def per_pair(self, of_context: NDArray[Any]) -> NDArray[Any]:
        """Repeat the value of each context for its pairs, shape (pairs,)."""
        return np.repeat(of_context, self.num_successors)


def _starts(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    indptr = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    return indptr
