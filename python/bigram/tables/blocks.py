"""Whole rows, processed by blocks of rows so that temporaries stay small."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BLOCK", "row_blocks"]

BLOCK = 1 << 20  # elements, 8 MiB of float64


def row_blocks(num_rows: int, vocab_size: int) -> Iterator[slice]:
    """Yield slices of rows of `vocab_size` elements, about BLOCK elements each.

    Examples
    --------
    >>> list(row_blocks(5, 1 << 19))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, BLOCK // vocab_size)
    for start in range(0, num_rows, step):
        yield slice(start, min(start + step, num_rows))
