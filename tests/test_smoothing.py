"""Smoothing methods: their formulas, their properties, and what they refuse."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse

from bigram import kernels, smoothing
from bigram.smoothing import MLE, AddK
from bigram.tables import BackoffTable, DenseTable

MATRIX = np.array([[0, 3, 1], [2, 0, 0], [0, 0, 0]])


def dense_counts(matrix=MATRIX):
    return SimpleNamespace(matrix=np.asarray(matrix, np.int64))


def sparse_counts(matrix=MATRIX):
    return SimpleNamespace(matrix=scipy.sparse.csr_array(np.asarray(matrix, np.int64)))


@pytest.mark.parametrize(("method", "alpha"), [(MLE(), 0.0), (AddK(), 1.0), (AddK(0.25), 0.25)])
def test_additive_is_normalize_rows_to_the_bit(method, alpha):
    table = method.table(dense_counts())
    assert isinstance(table, DenseTable)
    np.testing.assert_array_equal(table.probs, kernels.normalize_rows(MATRIX, alpha=alpha))
    sparse = method.table(sparse_counts())
    assert isinstance(sparse, BackoffTable)
    np.testing.assert_allclose(sparse.to_dense().probs, table.probs, rtol=1e-15)


@pytest.mark.parametrize("k", [-1, float("nan"), float("inf")])
def test_add_k_refuses(k):
    with pytest.raises(ValueError, match=r"k = .* must be finite and not negative"):
        AddK(k)


@pytest.mark.parametrize("method", [MLE(), AddK(0.5)])
def test_json_round_trip(method):
    assert smoothing.from_json(method.to_json()) == method


def test_from_json_refuses():
    with pytest.raises(ValueError, match="name = 'AddOne' is no smoothing"):
        smoothing.from_json({"name": "AddOne"})
    with pytest.raises(ValueError, match="AddK"):
        smoothing.from_json({"name": "AddK", "alpha": 1})
