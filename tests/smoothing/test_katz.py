"""Katz's backoff with Good-Turing discounts."""

import numpy as np
import pytest

from bigram.smoothing.katz import Katz


def test_ratios_are_those_of_good_turing(sparse_counts):
    """Worked out by hand at counts of counts 60, 20, 12, 6."""
    n = {1: 60, 2: 20, 3: 12, 4: 6}
    matrix = np.zeros((10, 10), np.int64)
    matrix.ravel()[: sum(n.values())] = np.repeat(list(n), list(n.values()))
    got = Katz(3).discounts(sparse_counts(matrix))
    a = 4 * 6 / 60
    ratios = [((r + 1) * n[r + 1] / (r * n[r]) - a) / (1 - a) for r in (1, 2, 3)]
    assert not got.bigram_fallback
    assert got.bigram == pytest.approx([r * (1 - d) for r, d in enumerate(ratios, 1)])
    table = Katz(3).backoff_table(sparse_counts(matrix))
    assert table.probs[97] == pytest.approx(4 / matrix[9].sum())  # above k: left alone
    assert table.probs[90] == pytest.approx(ratios[2] * 3 / matrix[9].sum())
    assert table.probs[60] == pytest.approx(2 / matrix[6].sum())  # a full row: nothing to free


def test_the_k_that_remains_is_reported(sparse_counts):
    """No pair is counted five times: at k = 5 or 4 a ratio would divide by it."""
    matrix = np.zeros((10, 10), np.int64)
    matrix.ravel()[:98] = np.repeat([1, 2, 3, 4], [60, 20, 12, 6])
    got = Katz(5).discounts(sparse_counts(matrix))
    assert (got.largest, got.bigram_fallback) == (3, False)
    assert got == Katz(3).discounts(sparse_counts(matrix))
    matrix.ravel()[60:] = 0
    fallback = Katz(5).discounts(sparse_counts(matrix))
    assert (fallback.largest, fallback.bigram_fallback) == (5, True)


def test_half_a_count_is_taken_where_no_ratio_makes_sense(sparse_counts):
    """At k = 1, A = 2 n2 / n1 and d(1) = 0, which is outside (0, 1]."""
    got = Katz(1).discounts(sparse_counts([[0, 3, 1], [2, 0, 0], [0, 0, 0]]))
    assert got.bigram_fallback
    assert got.bigram == (0.5, 0.0, 0.0)


def test_a_context_without_free_mass_gets_one_count_for_the_unseen(sparse_counts):
    matrix = np.array([[0, 9, 0], [1, 0, 1], [1, 2, 0]])
    table = Katz(1).backoff_table(sparse_counts(matrix))
    unseen = 1.0 - table.base[1]
    assert table.probs[0] == pytest.approx(9 / 10)
    assert table.backoff[0] == pytest.approx(1 / 10 / unseen)
