"""Minibatches: windows of the token stream, or its pairs in random order.

A batch is nothing but positions in the stream: the training kernel gathers contexts and targets
itself, so no step copies tokens in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bigram.randomness.generators import Random
from bigram.tokenizers.encoding import pairs_inside
from bigram.training.token_stream import TokenStream

if TYPE_CHECKING:
    from bigram.training.data import TrainingData
    from bigram.training.options import TrainingOptions

__all__ = ["PairBatches", "WindowBatches", "batches_for"]


class WindowBatches:
    """B windows of T pairs a step, as the Shakespeare lecture draws them.

    With one sequence, a window is T + 1 tokens at a position ``randint(len(tokens) - T)``, as in
    the lecture. With several, it is T pairs in a row from all the pairs inside sequences: a window
    that reaches the end of a sequence continues in the next one, and no pair crosses the border. So
    every pair can be drawn, however short its sequence. The first and last T - 1 pairs of the
    stream are in fewer windows than the others.

    Parameters
    ----------
    stream : TokenStream
    batch_size : int
        B.
    block_size : int
        T.
    random : Random

    Attributes
    ----------
    batch_size, block_size : int
        How many positions make a batch, and how many pairs begin at each: B and T with one
        sequence, else B * T and 1.

    Raises
    ------
    ValueError
        If there are fewer than T pairs.
    """

    def __init__(
        self, stream: TokenStream, batch_size: int, block_size: int, random: Random
    ) -> None:
        self._shape, self._stream, self._random = (batch_size, block_size), stream, random
        self.tokens = stream.tokens
        self._is_one = stream.offsets is None or len(stream.offsets) == 2
        if self._is_one:
            self.batch_size, self.block_size = batch_size, block_size
        else:
            self.batch_size, self.block_size = batch_size * block_size, 1
        self._num_windows = stream.num_pairs - block_size + 1
        if self._num_windows < 1:
            raise ValueError(
                f"block_size = {block_size} needs {block_size} pairs of tokens; the text has "
                f"{stream.num_pairs}"
            )

    def draw(self, steps: int) -> NDArray[np.int64]:
        """Draw the batches of some steps: positions, shape (steps, batch_size)."""
        batch_size, block_size = self._shape
        numbers = self._random.randint(self._num_windows, (steps, batch_size))
        if self._is_one:
            return numbers
        pairs = (numbers[:, :, None] + np.arange(block_size)).reshape(steps, self.batch_size)
        return self._stream.pair_positions(pairs)

    def get_state(self) -> dict[str, Any]:
        """Return what the next draw depends on."""
        return {"random": self._random.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self._random.set_state(state["random"])


class PairBatches:
    """Every pair of the stream once an epoch, in a new random order each time.

    Parameters are those of `WindowBatches`; a pair is a window of T = 1.
    """

    block_size = 1

    def __init__(self, stream: TokenStream, batch_size: int, random: Random) -> None:
        offsets = np.zeros(0, np.int64) if stream.offsets is None else stream.offsets
        self._positions = np.flatnonzero(pairs_inside(len(stream.tokens), offsets))
        if not len(self._positions):
            raise ValueError("the corpus has no pair of tokens to train on")
        self.tokens, self.batch_size, self._random = stream.tokens, batch_size, random
        self._shuffle()

    def _shuffle(self) -> None:
        """Begin an epoch."""
        # The order of millions of pairs does not go into a checkpoint; the state of the generator
        # before it was drawn does, from which the same order can be drawn again.
        self._state_before = self._random.get_state()
        self._order = self._positions[self._random.randperm(len(self._positions))]
        self._next = 0

    def draw(self, steps: int) -> NDArray[np.int64]:
        """Draw the batches of some steps: positions, shape (steps, B).

        A batch at the end of an epoch is filled up from the next one.
        """
        drawn = np.empty(steps * self.batch_size, dtype=np.int64)
        filled = 0
        while filled < len(drawn):
            if self._next == len(self._order):
                self._shuffle()
            some = self._order[self._next : self._next + len(drawn) - filled]
            drawn[filled : filled + len(some)] = some
            filled += len(some)
            self._next += len(some)
        return drawn.reshape(steps, self.batch_size)

    def get_state(self) -> dict[str, Any]:
        """Return what the next draw depends on: the order, the place in it, and the generator."""
        return {"order": self._state_before, "next": self._next, "random": self._random.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self._random.set_state(state["order"])
        self._shuffle()
        self._next = int(state["next"])
        self._random.set_state(state["random"])


def batches_for(data: TrainingData, options: TrainingOptions) -> WindowBatches | PairBatches | None:
    """Return the minibatches that the options ask for, or None for full batches."""
    if options.batch_size is None:
        return None
    if data.stream is None:
        raise ValueError("batch_size needs a token stream; counts are trained in full batches")
    if options.shuffle:
        return PairBatches(data.stream, options.batch_size, options.random)
    return WindowBatches(data.stream, options.batch_size, options.block_size, options.random)
