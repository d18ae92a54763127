"""The sources of random numbers that training draws with."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bigram import TorchGenerator
from bigram.randomness.generators import Random, random_source


def draws(random: Random) -> list[np.ndarray]:
    return [random.randn((3, 2)), random.randint(9, (20,)), random.randperm(30)]


def test_a_torch_generator_is_its_own_source() -> None:
    generator = TorchGenerator(3)
    assert random_source(generator) is generator


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again, other = (draws(random_source(seed)) for seed in (5, np.int64(5), 6))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[1], other[1])
    assert first[0].dtype == np.float32
    assert sorted(first[2]) == list(range(30))
    assert not np.array_equal(draws(random_source(None))[1], draws(random_source(None))[1])


@pytest.mark.parametrize("seed", [7, TorchGenerator(7)])
def test_a_source_continues_from_a_state_that_went_through_json(seed: Any) -> None:
    source = random_source(seed)
    source.randn((3,))
    state = json.loads(json.dumps(source.get_state()))
    expected = draws(source)
    other = random_source(TorchGenerator(1) if isinstance(seed, TorchGenerator) else 1)
    other.set_state(state)
    for one, two in zip(expected, draws(other), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("seed", "kind", "message"),
    [
        ("x", TypeError, "seed is str, wanted an int"),
        (True, TypeError, "seed is bool"),
        (1.5, TypeError, "seed is float"),
        (-1, ValueError, "seed = -1, wanted an int >= 0"),
    ],
)
def test_a_bad_seed_is_named(seed: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        random_source(seed)
