"""The learning rate of every step."""

from __future__ import annotations

import numpy as np
import pytest

from bigram.training.schedules import learning_rates


def test_a_constant_rate_is_the_default() -> None:
    np.testing.assert_array_equal(learning_rates(3, 0.5), [0.5, 0.5, 0.5])


def test_a_warmup_rises_linearly_to_the_rate() -> None:
    np.testing.assert_allclose(learning_rates(4, 1.0, warmup_steps=4), [0.25, 0.5, 0.75, 1.0])


def test_a_cosine_falls_from_the_rate_to_the_final_one() -> None:
    cosine = learning_rates(101, 1.0, schedule="cosine", final_learning_rate=0.1)
    assert cosine[0] == 1.0
    assert cosine[-1] == pytest.approx(0.1, abs=1e-3)
    assert (np.diff(cosine) < 0).all()


def test_a_function_gives_the_rate_of_each_step() -> None:
    np.testing.assert_array_equal(learning_rates(3, lambda step: 1 / (step + 1)), [1, 1 / 2, 1 / 3])
    with pytest.raises(ValueError, match="schedule = 'cosine', warmup_steps = 0, wanted neither"):
        learning_rates(3, lambda step: 1.0, schedule="cosine")
