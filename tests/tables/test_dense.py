"""Dense tables: rows, pairs, best successors, and what they refuse."""

import numpy as np
import pytest

from bigram.tables.dense import DenseTable

TWO = np.array([[0.25, 0.75], [0.0, 1.0]])


def test_rows_and_pairs_are_logarithms_of_the_matrix():
    table = DenseTable(TWO)
    assert table.vocab_size == 2
    np.testing.assert_array_equal(table.log_probs([1, 0]), [[-np.inf, 0.0], np.log(TWO[0])])
    np.testing.assert_array_equal(table.pair_log_probs([0, 1], [1, 0]), [np.log(0.75), -np.inf])


def test_top_k_orders_by_probability_then_id():
    table = DenseTable(
        np.array([[0.2, 0.3, 0.3, 0.2], [0.0, 0.0, 0.0, 1.0], [0.25] * 4, [0.4, 0.1, 0.4, 0.1]])
    )
    ids, values = table.top_k([0, 2, 3], 3)
    np.testing.assert_array_equal(ids, [[1, 2, 0], [0, 1, 2], [0, 2, 1]])
    np.testing.assert_array_equal(values, np.log([[0.3, 0.3, 0.2], [0.25] * 3, [0.4, 0.4, 0.1]]))
    assert table.top_k([1], 99)[0].tolist() == [[3, 0, 1, 2]]


@pytest.mark.parametrize(
    ("probs", "error", "message"),
    [
        ([[1.0]], TypeError, "probs is list, wanted an array of float64"),
        (np.eye(2, dtype=np.float32), TypeError, "probs has dtype float32, wanted"),
        (np.ones((2, 3)), ValueError, r"probs has shape \(2, 3\), wanted \(V, V\)"),
        (np.ones((0, 0)), ValueError, "at least 1"),
        (np.array([[1.0, -0.5], [0, 1]]), ValueError, r"probs\[0, 1\] = -0.5, wanted a finite"),
        (np.array([[1.0, 0.5], [np.nan, 1]]), ValueError, r"probs\[1, 0\] = nan, wanted a finite"),
    ],
)
def test_what_is_not_a_square_matrix_of_weights_is_refused(probs, error, message):
    with pytest.raises(error, match=message):
        DenseTable(probs)
