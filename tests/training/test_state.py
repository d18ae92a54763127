"""The state of a run: when it stops early."""

from __future__ import annotations

import numpy as np

from bigram.training.state import EarlyStop


def test_a_run_stops_after_patience_evaluations_without_gain() -> None:
    early = EarlyStop(patience=2, min_delta=0.1)
    weights = [np.full((2, 2), i, np.float32) for i in range(5)]
    losses = [1.0, 0.95, 0.5, 0.45, 0.41]  # the gains of 0.05 and 0.09 are too small
    stops = [early.should_stop(*pair) for pair in zip(losses, weights, strict=True)]
    assert stops == [False, False, False, False, True]
    np.testing.assert_array_equal(early.weight, weights[2])


def test_the_best_weights_are_a_copy() -> None:
    early, weight = EarlyStop(patience=1, min_delta=0.0), np.zeros((2, 2), np.float32)
    early.should_stop(1.0, weight)
    weight[:] = 7
    np.testing.assert_array_equal(early.weight, 0)


def test_a_loss_that_is_nan_is_not_a_gain() -> None:
    early = EarlyStop(patience=1, min_delta=0.0)
    assert early.should_stop(float("nan"), np.zeros((2, 2), np.float32))
    assert early.weight is None
