"""What a matrix of counts says: rows, sums, the most frequent pairs; and the matrix pruned."""

from __future__ import annotations

import numpy as np

from bigram.common.csr import check_indices, check_starts, has_sorted_rows, make_csr
from bigram.common.types import Column, Csr, Dense
from bigram.counts.matrix import as_sparse
from bigram.counts.rows import assemble, merged_blocks, pairs_of, rows_of

__all__ = [
    "column_sums",
    "distinct_contexts",
    "equal",
    "most_frequent",
    "pruned",
    "row",
    "row_sums",
]


def row(matrix: Dense | Csr, i: int) -> Column:
    """Return row `i` as an array of its own, shape (V,)."""
    if isinstance(matrix, np.ndarray):
        return np.array(matrix[i])
    result = np.zeros(matrix.shape[1], np.int64)
    start, stop = matrix.indptr[i], matrix.indptr[i + 1]
    columns = matrix.indices[start:stop]
    # What `sound` does, for one row.
    check_starts(matrix.indptr[i : i + 2] - start, len(columns))
    check_indices(columns, len(result))
    if not has_sorted_rows(np.array([0, len(columns)]), columns):
        raise ValueError(f"indices do not increase within row {i}, wanted sorted columns")
    result[columns] = matrix.data[start:stop]
    return result


def row_sums(matrix: Dense | Csr) -> Column:
    """Return how often each token is a context, shape (V,)."""
    sums = [block.sum(axis=1) for block in merged_blocks([rows_of(matrix)])]
    return np.concatenate(sums, dtype=np.int64)


def column_sums(matrix: Dense | Csr) -> Column:
    """Return how often each token follows another, shape (V,)."""
    result = np.zeros(matrix.shape[1], np.int64)
    for block in merged_blocks([rows_of(matrix)]):
        result += block.sum(axis=0)
    return result


def distinct_contexts(matrix: Dense | Csr) -> Column:
    """Return how many distinct contexts each token follows, shape (V,)."""
    vocab_size = int(matrix.shape[1])
    result = np.zeros(vocab_size, np.int64)
    for block in merged_blocks([rows_of(matrix)]):
        result += np.bincount(block.indices, minlength=vocab_size)
    return result


def most_frequent(matrix: Dense | Csr, k: int) -> tuple[Column, Column, Column]:
    """Return contexts, next ids and counts of the `k` most frequent pairs; ties by ids.

    Block by block, so that memory for one block and `k` pairs is enough.
    """
    best = [np.zeros(0, np.int64)] * 3
    for block in pairs_of(matrix):
        best = [np.concatenate(parts) for parts in zip(best, block, strict=True)]
        values = best[2]
        # Most pairs are below the k-th largest count: only the rest is sorted.
        least = np.partition(values, -k)[-k] if 0 < k < len(values) else 0
        able = np.flatnonzero(values >= least)
        # Stable, and blocks come in the order of ids: ties stay in that order.
        order = able[np.argsort(-values[able], kind="stable")[:k]]
        best = [column[order] for column in best]
    return best[0], best[1], best[2]


def pruned(matrix: Dense | Csr, min_count: int) -> Dense | Csr:
    """Return the matrix without counts below `min_count`, in the same layout."""
    if isinstance(matrix, np.ndarray):
        return np.where(matrix >= min_count, matrix, 0)
    blocks = (_pruned_block(block, min_count) for block in merged_blocks([rows_of(matrix)]))
    bound = int(np.count_nonzero(matrix.data >= min_count))
    return assemble(blocks, int(matrix.shape[0]), bound)


def _pruned_block(block: Csr, min_count: int) -> Csr:
    kept = block.data >= min_count
    # How many pairs are kept before each pair, and so before each row.
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
    return make_csr(block.data[kept], block.indices[kept], before[block.indptr], block.shape[1])


def equal(a: Dense | Csr, b: Dense | Csr) -> bool:
    """Return whether two matrices of one shape hold the same counts; sparse ones are canonical."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    left, right = as_sparse(a), as_sparse(b)
    parts = ("indptr", "indices", "data")
    return all(np.array_equal(getattr(left, part), getattr(right, part)) for part in parts)
