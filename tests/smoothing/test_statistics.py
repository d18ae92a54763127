"""Counted pairs as arrays, and their sums."""

import numpy as np
import pytest
import scipy.sparse

from bigram.smoothing.additive import MLE
from bigram.smoothing.statistics import PairCounts

MATRIX = np.array([[0, 3, 1], [0, 0, 0], [2, 0, 5]])


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_sums_are_those_of_the_matrix(dense_counts, sparse_counts, layout):
    counts = dense_counts(MATRIX) if layout == "dense" else sparse_counts(MATRIX)
    pairs = PairCounts.of(counts)
    assert (pairs.vocab_size, pairs.total) == (3, 11)
    np.testing.assert_array_equal(pairs.counts, [3, 1, 2, 5])
    np.testing.assert_array_equal(pairs.row_sums, MATRIX.sum(axis=1))
    np.testing.assert_array_equal(pairs.column_sums, MATRIX.sum(axis=0))
    np.testing.assert_array_equal(pairs.num_successors, (MATRIX > 0).sum(axis=1))
    np.testing.assert_array_equal(pairs.num_predecessors, (MATRIX > 0).sum(axis=0))
    np.testing.assert_array_equal(pairs.per_pair(np.array([7, 8, 9])), [7, 7, 9, 9])


def test_stored_zeros_are_left_out_and_stay_in_the_matrix(sparse_counts):
    matrix = scipy.sparse.csr_array(np.array([[1, 2], [0, 3]]))
    matrix.data[0] = 0
    assert MLE().backoff_table(sparse_counts(matrix)).num_pairs == 2
    assert matrix.nnz == 3


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_sums_beyond_the_digits_of_float64_are_exact(dense_counts, sparse_counts, layout):
    matrix = np.array([[0, 2**62 - 1], [1, 2**62 - 1]])
    pairs = PairCounts.of(dense_counts(matrix) if layout == "dense" else sparse_counts(matrix))
    assert pairs.total == 2**63 - 1
    assert pairs.column_sums.tolist() == [1, 2**63 - 2]
