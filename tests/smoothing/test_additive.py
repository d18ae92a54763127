"""Maximum likelihood and added counts."""

import numpy as np
import pytest

from bigram import kernels
from bigram.smoothing.additive import MLE, AddK
from bigram.tables.backoff import BackoffTable
from bigram.tables.dense import DenseTable

MATRIX = np.array([[0, 3, 1], [2, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(("method", "alpha"), [(MLE(), 0.0), (AddK(), 1.0), (AddK(0.25), 0.25)])
def test_additive_smoothing_is_normalize_rows_to_the_bit(
    dense_counts, sparse_counts, method, alpha
):
    table = method.table(dense_counts(MATRIX))
    assert isinstance(table, DenseTable)
    np.testing.assert_array_equal(table.probs, kernels.normalize_rows(MATRIX, alpha=alpha))
    sparse = method.table(sparse_counts(MATRIX))
    assert isinstance(sparse, BackoffTable)
    np.testing.assert_allclose(sparse.to_dense().probs, table.probs, rtol=1e-15)


def test_a_context_never_seen_has_no_distribution_under_maximum_likelihood(sparse_counts):
    assert np.all(MLE().backoff_table(sparse_counts(MATRIX)).log_probs([2]) == -np.inf)
