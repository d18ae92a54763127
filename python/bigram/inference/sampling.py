"""Sequences and strings drawn from a table, by the package's generator or by torch's.

With an int seed the kernels draw: sequence `s` and step `t` have random numbers of their own, so
the first n of m sequences are the same for every m. With a `TorchGenerator` the draws follow each
other as in a PyTorch script: one sequence after another, one multinomial a token, float32 rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import check_inside
from bigram.randomness.generators import Seed
from bigram.randomness.torch_generator import TorchGenerator
from bigram.tables.conversion import probability_rows
from bigram.tables.sampling_filter import SamplingFilter
from bigram.tokenizers.char import CharTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from bigram.tables.base import Table
    from bigram.tokenizers.protocol import Tokenizer


DEFAULT_MAX_LENGTH = 1000
_DRAWS_PER_SAMPLE = 100
_TEXTS_PER_PIECE = 1 << 15


@dataclass(frozen=True)
class Sampler:
    """A table and how to draw from it.

    Attributes
    ----------
    table : Table
    options : SamplingFilter
        Temperature, top-k and top-p.
    seed : int, TorchGenerator or None
        None takes fresh entropy at each call.
    """

    table: Table
    options: SamplingFilter
    seed: Seed

    def sequences(
        self, starts: NDArray[Any], *, max_length: int, stop: int | None
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Draw the tokens after each start, at most `max_length`; as the kernel of that name."""
        if isinstance(self.seed, TorchGenerator):
            return self._as_torch(starts, max_length, stop, self.seed)
        return self.table.sample_sequences(
            starts,
            max_length=max_length,
            stop=stop,
            seed=self.seed,
            temperature=self.options.temperature,
            top_k=self.options.top_k,
            top_p=self.options.top_p,
        )

    def continuations(self, starts: NDArray[Any], length: int) -> NDArray[Any]:
        """Draw exactly `length` tokens after each start, shape (B, length)."""
        if not isinstance(self.seed, TorchGenerator):
            tokens, _ = self.sequences(starts, max_length=length, stop=None)
            return tokens.reshape(len(starts), length)
        # As the lecture's generate: one multinomial over all B rows for each step.
        row = self._rows()
        drawn = np.empty((len(starts), length), np.int64)
        current = starts.tolist()
        for step in range(length):
            rows = np.stack([row(context) for context in current])
            drawn[:, step] = self.seed.multinomial(rows)[:, 0]
            current = drawn[:, step].tolist()
        return drawn

    def _as_torch(
        self, starts: NDArray[Any], max_length: int, stop: int | None, generator: TorchGenerator
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Draw one sequence after another, one token after another."""
        row = self._rows()
        tokens: list[int] = []
        offsets = [0]
        for start in starts.tolist():
            token = start
            while len(tokens) - offsets[-1] < max_length:
                token = int(generator.multinomial(row(token))[0])
                if token == stop:
                    break
                tokens.append(token)
            offsets.append(len(tokens))
        return np.array(tokens, np.int64), np.array(offsets, np.int64)

    def _rows(self) -> Callable[[int], NDArray[np.float32]]:
        """Return a function from a context to its row of weights in float32, as torch has it."""

        @lru_cache(maxsize=512)
        def row(context: int) -> NDArray[np.float32]:
            contexts = np.array([context])
            if self.options.is_identity:
                weights = probability_rows(self.table, contexts)
            else:
                weights = self.options.weights(self.table.log_probs(contexts))
            single: NDArray[np.float32] = weights[0].astype(np.float32)
            return single

        return row


@dataclass(frozen=True)
class TextSampler:
    """Strings drawn by a sampler, each after the same prefix."""

    sampler: Sampler
    tokenizer: Tokenizer
    prefix: str = ""
    max_length: int | None = None

    def texts(self, n: int) -> list[str]:
        """Return the first n strings."""
        return self._batch(0, n, self._start())

    def selected(self, n: int, *, unique: bool, exclude: Iterable[str] | None) -> list[str]:
        """Return the first n strings that are not excluded and, if `unique`, not yet there.

        ValueError after 100 n draws.
        """
        if isinstance(exclude, str):
            raise TypeError("exclude is a str, wanted a collection of strings")
        refused = set(exclude or ())
        taken: list[str] = []
        limit = _DRAWS_PER_SAMPLE * n
        for text in self._draws(n, limit):
            if len(taken) == n:
                break
            if text not in refused:
                taken.append(text)
                if unique:
                    refused.add(text)
        if len(taken) < n:
            what = "different strings" if unique else "strings"
            raise ValueError(
                f"only {len(taken)} {what} outside the excluded ones came up in {limit} draws, "
                f"wanted n = {n}: ask for fewer, or raise temperature"
            )
        return taken

    def _draws(self, n: int, limit: int) -> Iterator[str]:
        """Yield the strings in the order in which they are drawn, up to the limit."""
        start = self._start()
        if isinstance(self.sampler.seed, TorchGenerator):
            for _ in range(limit):
                yield from self._batch(0, 1, start)
            return
        done, size = 0, n
        while done < limit:
            # The first of many draws are those of few: draw twice as many, pass on the new ones.
            yield from self._batch(done, size, start)
            done, size = size, min(2 * size, limit)

    def _start(self) -> NDArray[Any]:
        """Return the ids that every string begins with; the last one is the first context."""
        prefix_ids = self.tokenizer.encode(self.prefix)
        boundary = self.tokenizer.boundary_id
        if boundary is None and (not len(prefix_ids) or self.max_length is None):
            raise ValueError(
                "the tokenizer has no boundary symbol, so nothing says where a text begins and "
                "ends: pass prefix= (at least one symbol) and max_length="
            )
        if len(prefix_ids) > self._limit:
            raise ValueError(
                f"max_length = {self._limit} is below the prefix's {len(prefix_ids)} tokens"
            )
        return prefix_ids

    @property
    def _limit(self) -> int:
        """Tokens of the longest string, its prefix included."""
        return DEFAULT_MAX_LENGTH if self.max_length is None else self.max_length

    def _batch(self, first: int, stop: int, prefix_ids: NDArray[Any]) -> list[str]:
        """Return strings `first` to `stop` of those that the seed gives."""
        boundary = self.tokenizer.boundary_id
        context = int(prefix_ids[-1]) if len(prefix_ids) else boundary
        tokens, offsets = self.sampler.sequences(
            np.full(stop, context, np.int64),
            max_length=self._limit - len(prefix_ids),
            stop=boundary,
        )
        texts: list[str] = []
        for at in range(first, stop, _TEXTS_PER_PIECE):  # so that Ctrl-C has a place to come in
            ends = offsets[at : min(at + _TEXTS_PER_PIECE, stop) + 1].tolist()
            texts += self._decode(tokens, ends, prefix_ids)
        return texts

    def _decode(self, tokens: NDArray[Any], ends: list[int], prefix_ids: NDArray[Any]) -> list[str]:
        """Return the strings of the sequences between ends, each after the prefix."""
        decode = self.tokenizer.decode
        if isinstance(self.tokenizer, CharTokenizer):
            base = ends[0]
            text = decode(tokens[base : ends[-1]])
            if len(text) == ends[-1] - base:  # every symbol is one character
                return [self.prefix + text[a - base : b - base] for a, b in pairwise(ends)]
            return [self.prefix + decode(tokens[a:b]) for a, b in pairwise(ends)]
        return [decode(np.concatenate([prefix_ids, tokens[a:b]])) for a, b in pairwise(ends)]


def check_idx(idx: ArrayLike, vocab_size: int) -> NDArray[Any]:
    """Return ids (B, T), T at least 1, checked against the vocabulary."""
    ids = np.asarray(idx)
    check_inside(ids, vocab_size, "idx")
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise ValueError(f"idx has shape {ids.shape}, wanted (B, T) with T at least 1")
    return ids
