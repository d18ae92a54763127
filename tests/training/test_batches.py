"""Minibatches: which positions are drawn, and that draws continue from a state."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bigram import TorchGenerator
from bigram.randomness.generators import random_source
from bigram.training.batches import PairBatches, WindowBatches
from bigram.training.token_stream import TokenStream

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)
OFFSETS = np.array([0, 3, 3, 13, 20, 21])


def test_windows_stay_inside_their_sequences() -> None:
    batches = WindowBatches(TokenStream(TOKENS[:21], OFFSETS), 64, 4, random_source(0))
    drawn = batches.draw(50)
    assert set(drawn.ravel()) == {*range(3, 9), *range(13, 16)}
    one = WindowBatches(TokenStream(TOKENS), 64, 8, TorchGenerator(5)).draw(2)
    np.testing.assert_array_equal(one, TorchGenerator(5).randint(2000 - 8, (2, 64)))


def test_shuffled_pairs_come_once_an_epoch() -> None:
    batches = PairBatches(TokenStream(TOKENS[:21], OFFSETS), 8, random_source(0))
    pairs = sorted([*range(2), *range(3, 12), *range(13, 19)])
    drawn = batches.draw(2 * len(pairs) // 2 + 1).ravel()[: 4 * len(pairs)].reshape(4, -1)
    for epoch in drawn:
        assert sorted(epoch) == pairs
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: WindowBatches(TokenStream(TOKENS), 8, 4, random_source(seed)),
        lambda seed: PairBatches(TokenStream(TOKENS[:50]), 8, random_source(seed)),
    ],
    ids=["windows", "pairs"],
)
@pytest.mark.parametrize("steps_before", [0, 3, 20])
def test_draws_continue_from_a_state(
    make: Callable[[int], WindowBatches | PairBatches], steps_before: int
) -> None:
    batches, other = make(1), make(2)
    batches.draw(steps_before)
    other.set_state(batches.get_state())
    np.testing.assert_array_equal(other.draw(15), batches.draw(15))


def test_windows_longer_than_every_sequence_are_refused() -> None:
    with pytest.raises(ValueError, match=r"block_size = 10 needs .* 11 tokens; the longest has 10"):
        WindowBatches(TokenStream(TOKENS[:21], OFFSETS), 2, 10, random_source(0))
