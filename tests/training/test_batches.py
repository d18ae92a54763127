"""Minibatches: which positions are drawn, and that draws continue from a state."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import bigram
from bigram import TorchGenerator
from bigram.randomness.generators import random_source
from bigram.tokenizers.encoding import pairs_inside
from bigram.training import token_stream
from bigram.training.batches import PairBatches, WindowBatches
from bigram.training.token_stream import TokenStream

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)
OFFSETS = np.array([0, 3, 3, 13, 20, 21])


PAIRS = [*range(2), *range(3, 12), *range(13, 19)]  # inside the sequences of OFFSETS


@pytest.mark.parametrize("keeps_positions", [True, False])
def test_windows_are_pairs_in_a_row_that_cross_no_border(keeps_positions, monkeypatch) -> None:
    if not keeps_positions:
        monkeypatch.setattr(token_stream, "_MOST_POSITIONS", 0)
    batches = WindowBatches(TokenStream(TOKENS[:21], OFFSETS), 64, 4, random_source(0))
    assert (batches.batch_size, batches.block_size) == (64 * 4, 1)
    windows = {tuple(window) for window in batches.draw(50).reshape(-1, 4).tolist()}
    assert windows == {tuple(PAIRS[k : k + 4]) for k in range(len(PAIRS) - 3)}


def test_windows_of_one_sequence_are_those_of_the_lecture() -> None:
    one = WindowBatches(TokenStream(TOKENS), 64, 8, TorchGenerator(5)).draw(2)
    np.testing.assert_array_equal(one, TorchGenerator(5).randint(2000 - 8, (2, 64)))


def test_short_texts_are_drawn_as_often_as_long_ones() -> None:
    """Windows inside texts alone would never draw from a text shorter than a window."""
    names = bigram.datasets.load_names()[:500]
    tokenizer = bigram.CharTokenizer.from_texts(names, boundary=None)
    stream = TokenStream.from_corpus(names, tokenizer)
    batches = WindowBatches(stream, 32, 8, random_source(0))
    drawn = np.bincount(batches.draw(2000).ravel(), minlength=len(stream.tokens))
    inside = pairs_inside(len(stream.tokens), stream.offsets)
    assert not drawn[:-1][~inside].any()
    times = drawn[:-1][inside][8:-8]
    assert times.min() > 0
    # Windows that overlap draw neighbours together, so the times vary as those of whole windows.
    assert abs(times / times.mean() - 1.0).mean() < 0.15


def test_a_model_of_short_texts_learns_all_their_pairs() -> None:
    names = bigram.datasets.load_names()[:2000]
    tokenizer = bigram.CharTokenizer.from_texts(names, boundary=None)
    model = bigram.NeuralModel(tokenizer, seed=0)
    options = {"optimizer": "adamw", "learning_rate": 0.02, "batch_size": 64, "seed": 0}
    model.fit(names, steps=2000, **options)
    counts = bigram.count(names, tokenizer)
    exact = bigram.CountModel.from_counts(counts, bigram.MLE()).evaluate(counts).nll
    assert model.evaluate(counts).nll == pytest.approx(exact, abs=0.03)


def test_shuffled_pairs_come_once_an_epoch() -> None:
    batches = PairBatches(TokenStream(TOKENS[:21], OFFSETS), 8, random_source(0))
    drawn = batches.draw(len(PAIRS) + 1).ravel()[: 4 * len(PAIRS)].reshape(4, -1)
    for epoch in drawn:
        assert sorted(epoch) == PAIRS
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: WindowBatches(TokenStream(TOKENS), 8, 4, random_source(seed)),
        lambda seed: WindowBatches(TokenStream(TOKENS[:21], OFFSETS), 8, 4, random_source(seed)),
        lambda seed: PairBatches(TokenStream(TOKENS[:50]), 8, random_source(seed)),
    ],
    ids=["windows", "windows of several sequences", "pairs"],
)
@pytest.mark.parametrize("steps_before", [0, 3, 20])
def test_draws_continue_from_a_state(
    make: Callable[[int], WindowBatches | PairBatches], steps_before: int
) -> None:
    batches, other = make(1), make(2)
    batches.draw(steps_before)
    other.set_state(batches.get_state())
    np.testing.assert_array_equal(other.draw(15), batches.draw(15))


def test_windows_longer_than_the_text_are_refused() -> None:
    stream = TokenStream(TOKENS[:21], OFFSETS)
    with pytest.raises(ValueError, match=r"block_size = 18 needs 18 pairs .*; the text has 17"):
        WindowBatches(stream, 2, 18, random_source(0))
    assert sorted(WindowBatches(stream, 1, 17, random_source(0)).draw(1)[0]) == PAIRS
    with pytest.raises(ValueError, match=r"block_size = 10 needs 10 pairs .*; the text has 9"):
        WindowBatches(TokenStream(TOKENS[:10]), 2, 10, random_source(0))
