"""Sequences and texts drawn from a table, by the package's generator or by torch's.

With an int seed the kernels draw: the random numbers of step `t` of sequence `s` depend on the
seed, `s` and `t` alone, so the first n of m sequences are the same for every m. With a
`TorchGenerator` the draws follow each other as in a PyTorch script: one sequence after another,
one multinomial for each token, rows in float32.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import (
    bad_kind,
    bad_shape,
    check_index,
    check_inside,
    check_seed,
    refuse_masked,
)
from bigram.randomness.generators import Seed
from bigram.randomness.torch_generator import TorchGenerator
from bigram.tables.base import kept_sampler
from bigram.tables.conversion import probability_rows
from bigram.tables.sampling_filter import SamplingFilter
from bigram.tokenizers.protocol import granularity

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from bigram.tables.base import Table
    from bigram.tokenizers.protocol import Tokenizer


_DEFAULT_MAX_LENGTH = 1000  # tokens of a text
_DRAWS_PER_TEXT = 100  # after which `unique` and `exclude` give up
_TEXTS_PER_PIECE = 1 << 15  # decoded without a chance for Ctrl-C


@dataclass(frozen=True)
class Sampler:
    """A table and how to draw from it.

    Attributes
    ----------
    table : Table
    options : SamplingFilter
        Temperature, top-k and top-p.
    seed : int, TorchGenerator or None
        None becomes a seed from fresh entropy, the same for all draws.
    """

    table: Table
    options: SamplingFilter
    seed: Seed

    def __post_init__(self) -> None:
        if self.seed is None:
            object.__setattr__(self, "seed", check_seed(None))

    def sequences(
        self, starts: NDArray[Any], *, max_length: int, stop: int | None
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Draw the tokens after each start, at most `max_length`: tokens and offsets."""
        if isinstance(self.seed, TorchGenerator):
            return self._as_torch(starts, max_length, stop, self.seed)
        sample = kept_sampler(self.table, self.options)
        return sample(starts, max_length=max_length, stop=stop, seed=self.seed)

    def continued(self, idx: ArrayLike, length: int) -> NDArray[np.int64]:
        """Return rows of ids (B, T), each followed by `length` tokens drawn after it."""
        ids = _checked_rows(idx, self.table.vocab_size)
        number = check_index(length, "max_new_tokens", 0)
        drawn = self._continuations(ids[:, -1], number)
        return np.concatenate([ids, drawn], axis=1, dtype=np.int64)

    def _continuations(self, starts: NDArray[Any], length: int) -> NDArray[Any]:
        """Draw exactly `length` tokens after each start, shape (B, length)."""
        if not isinstance(self.seed, TorchGenerator):
            tokens, _ = self.sequences(starts, max_length=length, stop=None)
            return tokens.reshape(len(starts), length)
        # As the lecture's generate does: one multinomial over all B rows for each step.
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
        """Return a function from a context to its row of weights, in float32 as torch draws.

        The rows of the last 512 contexts are kept: a script draws one token at a time.
        """

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
    """Texts drawn by a sampler, each of which begins with the prefix.

    Attributes
    ----------
    sampler : Sampler
    tokenizer : Tokenizer
    prefix : str
    max_length : int or None
        Largest number of tokens in a text, its prefix included; 1,000 if None.
    """

    sampler: Sampler
    tokenizer: Tokenizer
    prefix: str = ""
    max_length: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str):
            raise bad_kind(self.prefix, "prefix", "str")
        if self.max_length is not None:
            check_index(self.max_length, "max_length", 1)

    def first(
        self, n: int, *, unique: bool = False, exclude: Iterable[str] | None = None
    ) -> list[str]:
        """Return the first n texts that are not excluded and, if `unique`, not repeated.

        ValueError after 100 n draws.
        """
        number = check_index(n, "n", 0)
        if unique or exclude is not None:
            return self._selected(number, unique, exclude)
        return self._batch(0, number, self._start())

    def _selected(self, n: int, unique: bool, exclude: Iterable[str] | None) -> list[str]:
        if isinstance(exclude, str):
            raise TypeError("exclude is str, wanted an iterable of str")
        refused = set() if exclude is None else set(exclude)
        taken: list[str] = []
        limit = _DRAWS_PER_TEXT * n
        for text in self._draws(n, limit):
            if len(taken) == n:
                break
            if text not in refused:
                taken.append(text)
                if unique:
                    refused.add(text)
        if len(taken) < n:
            what = "different texts" if unique else "texts"
            raise ValueError(
                f"n = {n}, but {limit} draws gave only {len(taken)} {what} that are not excluded: "
                "ask for fewer, or raise the temperature"
            )
        return taken

    def _draws(self, n: int, limit: int) -> Iterator[str]:
        """Yield texts in the order in which they are drawn, up to the limit."""
        start = self._start()
        if isinstance(self.sampler.seed, TorchGenerator):
            for _ in range(limit):
                yield from self._batch(0, 1, start)
            return
        done, size = 0, n
        while done < limit:
            # More draws begin with the same texts as fewer. So draw twice as many each time and
            # pass on the new ones: at most twice the work of knowing the number beforehand.
            yield from self._batch(done, size, start)
            done, size = size, min(2 * size, limit)

    def _start(self) -> NDArray[Any]:
        """Return the ids that every text begins with; the last one is the first context."""
        prefix_ids = self.tokenizer.encode(self.prefix)
        boundary = self.tokenizer.boundary_id
        if boundary is None and (not len(prefix_ids) or self.max_length is None):
            raise ValueError(
                "the tokenizer has no boundary symbol, which would begin and end a text: pass "
                "prefix= (at least one symbol) and max_length="
            )
        if len(prefix_ids) > self._limit:
            raise ValueError(
                f"max_length = {self._limit}, wanted at least the prefix's {len(prefix_ids)} tokens"
            )
        return prefix_ids

    @property
    def _limit(self) -> int:
        """Tokens of the longest text, its prefix included."""
        return _DEFAULT_MAX_LENGTH if self.max_length is None else self.max_length

    def _batch(self, first: int, stop: int, prefix_ids: NDArray[Any]) -> list[str]:
        """Return texts `first` to `stop` of those that the seed gives."""
        boundary = self.tokenizer.boundary_id
        context = int(prefix_ids[-1]) if len(prefix_ids) else boundary
        tokens, offsets = self.sampler.sequences(
            np.full(stop, context, np.int64),
            max_length=self._limit - len(prefix_ids),
            stop=boundary,
        )
        texts: list[str] = []
        for at in range(first, stop, _TEXTS_PER_PIECE):  # Ctrl-C is seen in between
            ends = offsets[at : min(at + _TEXTS_PER_PIECE, stop) + 1].tolist()
            texts += self._decode(tokens, ends, prefix_ids)
        return texts

    def _decode(self, tokens: NDArray[Any], ends: list[int], prefix_ids: NDArray[Any]) -> list[str]:
        """Return the texts of the sequences between ends, each after the prefix."""
        decode = self.tokenizer.decode
        if granularity(self.tokenizer) == "character":
            base = ends[0]
            text = decode(tokens[base : ends[-1]])
            if len(text) == ends[-1] - base:  # every symbol is one character
                return [self.prefix + text[a - base : b - base] for a, b in pairwise(ends)]
            return [self.prefix + decode(tokens[a:b]) for a, b in pairwise(ends)]
        return [decode(np.concatenate([prefix_ids, tokens[a:b]])) for a, b in pairwise(ends)]


def _checked_rows(idx: ArrayLike, vocab_size: int) -> NDArray[Any]:
    """Return ids of shape (B, T), T at least 1, checked against the vocabulary."""
    refuse_masked(idx, "idx")
    ids = np.asarray(idx)
    check_inside(ids, vocab_size, "idx")
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise bad_shape(ids, "idx", "(B, T) with T at least 1")
    return ids
