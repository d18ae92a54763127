"""A sum of sparse counts that grows one chunk at a time."""

from __future__ import annotations

from bigram.common.types import Csr
from bigram.counts.rows import add_sparse

__all__ = ["RunningSum"]


class RunningSum:
    """A sum of many sparse matrices, which adds parts of similar size.

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
        # Each part left has at least twice the pairs of the one after it.
        while len(self._parts) > 1 and self._parts[-2].nnz < 2 * self._parts[-1].nnz:
            self._parts[-2:] = [add_sparse(self._parts[-2:])]

    def total(self) -> Csr | None:
        """Return the sum, or None if nothing was added."""
        if len(self._parts) > 1:
            self._parts = [add_sparse(self._parts)]
        return self._parts[0] if self._parts else None
