"""Twin of the addition of sparse counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["add_counts"]


def add_counts(
    a: csr_array[Any, tuple[int, int]], b: csr_array[Any, tuple[int, int]]
) -> csr_array[Any, tuple[int, int]]:
    """Return SciPy's sum of the two matrices."""
    total: csr_array[Any, tuple[int, int]] = a + b
    return total
