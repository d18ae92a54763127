"""The options of NeuralModel.fit: what is refused, alone and together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bigram import SGD, NeuralModel, TorchGenerator
from bigram.training.options import TrainingOptions

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"steps": 0}, ValueError, "steps = 0"),
        ({"steps": -3}, ValueError, "steps = -3"),
        ({"steps": 2.5}, TypeError, "steps is float, wanted an integer"),
        ({"learning_rate": 0}, ValueError, "learning_rate = 0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate = nan"),
        ({"learning_rate": lambda step: -1.0}, ValueError, "learning_rate = -1"),
        ({"optimizer": "lion"}, ValueError, "optimizer = 'lion'"),
        ({"optimizer": 3}, TypeError, "optimizer is int"),
        ({"weight_decay": -1}, ValueError, "weight_decay = -1"),
        ({"l2": -1.0}, ValueError, "l2 = -1"),
        ({"clip_norm": 0}, ValueError, "clip_norm = 0"),
        ({"batch_size": 0}, ValueError, "batch_size = 0"),
        ({"batch_size": 4, "block_size": 0}, ValueError, "block_size = 0"),
        ({"batch_size": 4, "block_size": 2000}, ValueError, "the text has 1999"),
        ({"validation": 1.0}, ValueError, "validation = 1.0"),
        ({"validation": -0.1}, ValueError, "validation = -0.1"),
        ({"eval_every": 0}, ValueError, "eval_every = 0"),
        ({"eval_batches": 3}, ValueError, "eval_batches needs batch_size"),
        ({"patience": 3}, ValueError, "patience needs"),
        ({"shuffle": True}, ValueError, "shuffle needs batch_size"),
        ({"schedule": "step"}, ValueError, "schedule = 'step'"),
        ({"warmup_steps": 6}, ValueError, "warmup_steps = 6"),
        ({"checkpoint": "x"}, ValueError, "checkpoint_every"),
        ({"checkpoint_every": 3}, ValueError, "checkpoint"),
        ({"resume": True}, ValueError, "resume needs checkpoint"),
        ({"seed": "x"}, TypeError, "seed is str"),
        ({"seed": -1}, ValueError, "seed = -1"),
        ({"callbacks": print}, TypeError, "callbacks"),
        ({"num_threads": 0}, ValueError, "num_threads"),
    ],
)
def test_bad_options_are_named(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    model = NeuralModel(5, seed=0)
    before = model.weight.copy()
    with pytest.raises(kind, match=message):
        model.fit(TOKENS, **{"steps": 5, "learning_rate": 0.1, **options})
    np.testing.assert_array_equal(model.weight, before)


def test_the_lectures_generator_estimates_losses_as_the_lecture_does() -> None:
    options: dict[str, Any] = {"steps": 2, "learning_rate": 0.1, "seed": TorchGenerator(1)}
    assert TrainingOptions(**options, batch_size=4).eval_batches == 200
    assert TrainingOptions(**options, batch_size=4, eval_batches=3).eval_batches == 3
    assert TrainingOptions(**options).eval_batches is None


def test_options_hold_the_rates_and_the_optimizer_that_they_describe() -> None:
    options = TrainingOptions(
        steps=2, learning_rate=0.5, warmup_steps=2, optimizer="sgd", weight_decay=0.1
    )
    assert options.learning_rates.tolist() == [0.25, 0.5]
    assert options.method == SGD(weight_decay=0.1)
    rates = TrainingOptions(steps=2, learning_rate=lambda step: 1.0 - step / 2).learning_rates
    assert rates.tolist() == [1.0, 0.5]
    with pytest.raises(AttributeError):
        options.steps = 3  # type: ignore[misc]
