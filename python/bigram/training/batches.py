"""Where training examples come from: the token stream, windows of it, or its pairs in random order.

A batch is nothing but positions in the stream: the training kernel gathers contexts and targets
itself, so no step copies tokens in Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram.randomness.generators import Random
from bigram.tokenizers.encoding import pairs_inside
from bigram.training.token_stream import TokenStream

__all__ = ["PairBatches", "WindowBatches"]


class WindowBatches:
    """B windows of T + 1 tokens a step, as the Shakespeare lecture draws them.

    One sequence: positions are `randint(len(tokens) - T)`, as in the lecture. Several: the same
    over all positions from which a window stays inside its sequence.
    """

    def __init__(
        self, stream: TokenStream, batch_size: int, block_size: int, random: Random
    ) -> None:
        offsets = np.array([0, len(stream.tokens)]) if stream.offsets is None else stream.offsets
        room = np.maximum(np.diff(offsets) - block_size, 0)
        self._ends = np.cumsum(room)
        self._shift = offsets[:-1] - (self._ends - room)
        self._high = int(self._ends[-1]) if len(room) else 0
        if self._high == 0:
            longest = int(np.diff(offsets).max(initial=0))
            raise ValueError(
                f"block_size = {block_size} needs a sequence of {block_size + 1} tokens; "
                f"the longest has {longest}"
            )
        self.tokens, self._random = stream.tokens, random
        self.batch_size, self.block_size = batch_size, block_size

    def draw(self, steps: int) -> NDArray[np.int64]:
        """Draw the batches of some steps: positions, shape (steps, batch_size)."""
        places = self._random.randint(self._high, (steps, self.batch_size))
        if len(self._ends) == 1:
            return places
        shifted: NDArray[np.int64] = (
            places + self._shift[np.searchsorted(self._ends, places, side="right")]
        )
        return shifted

    def get_state(self) -> dict[str, Any]:
        """Return what the next draw depends on."""
        return {"random": self._random.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self._random.set_state(state["random"])


class PairBatches:
    """Every pair of the stream once an epoch, in a new random order each time."""

    block_size = 1

    def __init__(self, stream: TokenStream, batch_size: int, random: Random) -> None:
        offsets = np.zeros(0, np.int64) if stream.offsets is None else stream.offsets
        self._places = np.flatnonzero(pairs_inside(len(stream.tokens), offsets))
        if not len(self._places):
            raise ValueError("the corpus has no pair of tokens to train on")
        self.tokens, self.batch_size, self._random = stream.tokens, batch_size, random
        self._shuffle()

    def _shuffle(self) -> None:
        self._state = self._random.get_state()
        self._order = self._places[self._random.randperm(len(self._places))]
        self._next = 0

    def draw(self, steps: int) -> NDArray[np.int64]:
        """Draw the batches of some steps: positions, shape (steps, batch_size)."""
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
        """Return what the next draw depends on: the order, as the state it came from, and more."""
        return {"order": self._state, "next": self._next, "random": self._random.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self._random.set_state(state["order"])
        self._shuffle()
        self._next = int(state["next"])
        self._random.set_state(state["random"])
