"""Stupid backoff, whose rows do not sum to one."""

import numpy as np
import pytest

from bigram.smoothing.interpolated import StupidBackoff


def test_rows_of_stupid_backoff_are_scores(sparse_counts):
    counts = sparse_counts([[0, 3, 1], [2, 0, 0], [0, 0, 0]])
    sums = np.exp(StupidBackoff().backoff_table(counts).log_probs([0])).sum()
    assert sums == pytest.approx(1 + 0.4 * 2 / 6)
