"""Where training examples come from: the token stream, windows of it, or its pairs in random order.

A batch is nothing but positions in the stream: the training kernel gathers contexts and targets
itself, so no step copies tokens in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bigram import kernels
from bigram.corpus import Corpus
from bigram.count_matrix import DENSE_LIMIT
from bigram.counts import BigramCounts
from bigram.encoding import encode_corpus, pairs_inside
from bigram.kernels._checks import check_tokens
from bigram.tokenizers import Tokenizer
from bigram.torch_random import TorchGenerator

__all__ = ["PairBatches", "Random", "TokenStream", "WindowBatches", "random_source"]


class Random(Protocol):
    """What training draws with: torch's names, and a state that goes into a checkpoint."""

    def randn(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw normal numbers N(0, 1)."""

    def randint(self, high: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Draw integers in [0, high)."""

    def randperm(self, n: int) -> NDArray[np.int64]:
        """Draw a random order of 0 to n - 1."""

    def get_state(self) -> dict[str, Any]:
        """Return the state, as values that JSON can hold."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""


class _NumpyRandom:
    """numpy.random.default_rng behind the names of `Random`."""

    def __init__(self, seed: int | None) -> None:
        self._generator = np.random.default_rng(seed)

    def randn(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return self._generator.standard_normal(shape, np.float32)

    def randint(self, high: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        return self._generator.integers(high, size=shape)

    def randperm(self, n: int) -> NDArray[np.int64]:
        return self._generator.permutation(n)

    def get_state(self) -> dict[str, Any]:
        return dict(self._generator.bit_generator.state)

    def set_state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state


def random_source(seed: int | TorchGenerator | None) -> Random:
    """Return what to draw with: torch's numbers in the lecture's order, or NumPy's."""
    if isinstance(seed, TorchGenerator):
        return seed
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
        raise TypeError(f"seed is {type(seed).__name__}, wanted an int, TorchGenerator or None")
    if seed is not None and seed < 0:
        raise ValueError(f"seed = {seed}, wanted an int that is not negative")
    return _NumpyRandom(seed)


@dataclass(frozen=True)
class TokenStream:
    """Tokens in a row, and the offsets that no pair and no window crosses.

    Attributes
    ----------
    tokens : ndarray of integers, shape (n,)
    offsets : ndarray of int64, shape (sequences + 1,), or None
        None: one sequence. With a boundary symbol that is the case however many texts there
        are, because neighbours share one boundary.
    """

    tokens: NDArray[Any]
    offsets: NDArray[np.int64] | None = None

    def split(self, fraction: float) -> tuple[TokenStream, TokenStream]:
        """Cut off the last `fraction` of the tokens."""
        cut = int((1 - fraction) * len(self.tokens))
        if self.offsets is None:
            return TokenStream(self.tokens[:cut]), TokenStream(self.tokens[cut:])
        before = self.offsets[self.offsets < cut]
        after = self.offsets[self.offsets > cut] - cut
        return (
            TokenStream(self.tokens[:cut], np.append(before, cut)),
            TokenStream(self.tokens[cut:], np.insert(after, 0, 0)),
        )

    def counts(self, vocab_size: int, num_threads: int | None = None) -> BigramCounts:
        """Count the pairs; every token is checked against the vocabulary on the way."""
        count: Any = (
            kernels.count_bigrams if vocab_size <= DENSE_LIMIT else kernels.count_bigrams_sparse
        )
        return BigramCounts(
            count(self.tokens, vocab_size, offsets=self.offsets, num_threads=num_threads)
        )

    @classmethod
    def from_arrays(cls, data: Any) -> TokenStream:
        """Take `tokens`, or a tuple `(tokens, offsets)`."""
        tokens, offsets = data if isinstance(data, tuple) else (data, None)
        tokens = check_tokens(tokens)
        if offsets is None:
            return cls(tokens)
        offsets = np.asarray(offsets)
        if offsets.dtype != np.int64 or offsets.ndim != 1 or not offsets.size:
            raise TypeError("offsets must be a 1-D array of int64, not empty")
        start, stop = int(offsets[0]), int(offsets[-1])
        if not 0 <= start <= stop <= len(tokens) or (np.diff(offsets) < 0).any():
            raise ValueError(f"offsets must ascend and stay inside [0, {len(tokens)}]")
        return cls(tokens[start:stop], offsets - start)  # nothing but what they enclose

    @classmethod
    def from_corpus(
        cls, corpus: Corpus | Iterable[str], tokenizer: Tokenizer | None, *, progress: bool = False
    ) -> TokenStream:
        """Encode a corpus whole, one boundary between neighbours."""
        parts: list[NDArray[Any]] = []
        starts: list[NDArray[np.int64]] = []
        size = 0
        shared = tokenizer is not None and tokenizer.boundary_id is not None
        for batch in encode_corpus(corpus, tokenizer, progress=progress):
            firsts = batch.offsets[:-1]
            # A text that goes on from the batch before starts with that batch's last token.
            goes_on = len(firsts) - batch.num_sequences
            repeated = firsts[: len(firsts) if shared and size else goes_on]
            if shared and not size:
                repeated = firsts[1:]
            new = firsts[goes_on:] - np.searchsorted(repeated, firsts[goes_on:]) + size
            starts.append(new)
            kept = np.delete(batch.tokens, repeated) if len(repeated) else batch.tokens
            parts.append(kept)
            size += len(kept)
        tokens = parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, np.uint8)])
        if shared or sum(map(len, starts)) <= 1:
            return cls(tokens)
        return cls(tokens, np.append(np.concatenate(starts), size))


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
