"""The checks of a matrix of counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from bigram import BigramCounts


def test_any_sparse_matrix_becomes_canonical() -> None:
    messy = sp.csr_array(
        (np.array([1, 2, 0, 4], np.int32), np.array([2, 2, 1, 0]), np.array([0, 2, 4, 4])),
        shape=(3, 3),
    )
    for matrix in (messy, sp.csr_matrix(messy), messy.tocoo(), messy.tocsc(), messy.todok()):
        counts = BigramCounts(matrix)
        assert type(counts.matrix) is sp.csr_array
        assert counts.matrix.dtype == np.int64
        assert counts.matrix.has_canonical_format
        assert counts.num_pairs == counts.matrix.nnz == 2
        assert counts.total == 7
    assert messy.nnz == 4  # the caller's is as it was


def test_a_canonical_matrix_is_taken_without_a_copy(zipf_counts: Any) -> None:
    matrix = zipf_counts(50, 100, 0)
    assert np.shares_memory(BigramCounts(matrix).matrix.data, matrix.data)


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (sp.csr_array(np.eye(3)), TypeError, "float64"),
        (sp.csr_array(np.ones((2, 3), int)), ValueError, r"\(2, 3\), wanted \(V, V\)"),
        (sp.csr_array(-np.eye(3, dtype=int)), ValueError, "counts hold a negative number"),
        (sp.csr_array(np.full((1, 1), 2**63, np.uint64)), ValueError, "at most 2"),
    ],
)
def test_matrices_that_are_not_counts_are_refused(
    matrix: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        BigramCounts(matrix)


def test_a_broken_csr_is_refused() -> None:
    for indices, indptr in (([0, 5], [0, 1, 2]), ([0, -1], [0, 1, 2]), ([0, 1], [0, 2, 1])):
        matrix = sp.csr_array((2, 2), dtype=np.int64)
        matrix.data = np.ones(2, np.int64)
        matrix.indices, matrix.indptr = np.array(indices), np.array(indptr)
        with pytest.raises(ValueError):
            BigramCounts(matrix)
