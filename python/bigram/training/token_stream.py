"""The tokens of a corpus as one array, with the offsets that separate sequences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram import kernels
from bigram.common.checks import check_tokens, refuse_masked
from bigram.corpus.corpus import Corpus
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.matrix import DENSE_LIMIT
from bigram.tokenizers.encoding import encode_corpus
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["TokenStream"]

_MOST_POSITIONS = 1 << 24  # kept in an array of 64 MiB


@dataclass(frozen=True)
class TokenStream:
    """Tokens in a row, and offsets that no pair crosses.

    Attributes
    ----------
    tokens : ndarray of integers, shape (n,)
    offsets : ndarray of int64, shape (num_sequences + 1,), or None
        None: one sequence. With a boundary symbol all texts make one sequence, because
        neighbouring texts share one boundary.
    """

    tokens: NDArray[Any]
    offsets: NDArray[np.int64] | None = None

    @cached_property
    def _pair_ends(self) -> NDArray[np.int64]:
        """The number of pairs up to the end of each sequence."""
        offsets = np.array([0, len(self.tokens)]) if self.offsets is None else self.offsets
        return np.cumsum(np.maximum(np.diff(offsets) - 1, 0))

    @property
    def num_pairs(self) -> int:
        """Number of pairs inside sequences."""
        return int(self._pair_ends[-1]) if len(self._pair_ends) else 0

    @cached_property
    def _few_positions(self) -> NDArray[np.int32] | None:
        """The position of every pair, unless they would take much memory."""
        if self.num_pairs > _MOST_POSITIONS:
            return None
        return self._find_positions(np.arange(self.num_pairs)).astype(np.int32)

    def pair_positions(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions in the stream of pairs numbered from 0 to `num_pairs`."""
        if self._few_positions is not None:  # 15 times faster than to search for them
            return self._few_positions.take(numbers).astype(np.int64)
        return self._find_positions(numbers)

    def _find_positions(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.offsets is None:
            return numbers
        ends = self._pair_ends
        shift = self.offsets[:-1] - np.concatenate([[0], ends[:-1]])
        found: NDArray[np.int64] = numbers + shift[np.searchsorted(ends, numbers, side="right")]
        return found

    def split(self, fraction: float) -> tuple[TokenStream, TokenStream]:
        """Return the tokens without the last `fraction` of them, and those; both are views."""
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
        """Count the pairs; this checks every token against the vocabulary."""
        count: Any = (
            kernels.count_bigrams if vocab_size <= DENSE_LIMIT else kernels.count_bigrams_sparse
        )
        return BigramCounts(
            count(self.tokens, vocab_size, offsets=self.offsets, num_threads=num_threads)
        )

    @classmethod
    def from_arrays(cls, data: Any) -> TokenStream:
        """Make a stream of `tokens`, or of a tuple `(tokens, offsets)`.

        Raises
        ------
        TypeError
            If `tokens` is not a 1-D array of integers, or `offsets` not one of int64.
        ValueError
            If `offsets` do not ascend or leave the tokens.
        """
        tokens, offsets = data if isinstance(data, tuple) else (data, None)
        tokens = check_tokens(tokens)
        if offsets is None:
            return cls(tokens)
        refuse_masked(offsets, "offsets")
        offsets = np.asarray(offsets)
        if offsets.dtype != np.int64 or offsets.ndim != 1 or not offsets.size:
            raise TypeError(
                f"offsets has shape {offsets.shape} and dtype {offsets.dtype}, wanted a 1-D array "
                "of int64 with at least one element"
            )
        start, stop = int(offsets[0]), int(offsets[-1])
        if not 0 <= start <= stop <= len(tokens) or (np.diff(offsets) < 0).any():
            raise ValueError(
                f"offsets = {offsets}, wanted ascending positions in [0, {len(tokens)}]"
            )
        return cls(tokens[start:stop], offsets - start)  # tokens outside the offsets do not count

    @classmethod
    def from_corpus(
        cls, corpus: Corpus | Iterable[str], tokenizer: Tokenizer | None, *, progress: bool = False
    ) -> TokenStream:
        """Encode a whole corpus; neighbouring texts share one boundary.

        Holds all tokens in memory, in the smallest dtype that the vocabulary allows.
        """
        parts: list[NDArray[Any]] = []
        starts: list[NDArray[np.int64]] = []
        size = 0
        shared = tokenizer is not None and tokenizer.boundary_id is not None
        for batch in encode_corpus(corpus, tokenizer, progress=progress):
            firsts = batch.offsets[:-1]
            # Some first tokens are in the stream already, and are left out:
            # - Each text has a boundary at both ends. With shared boundaries, that at the
            #   beginning of a text is the one that ended the text before it.
            # - A text that was split between two batches begins in the second one with the last
            #   token of the first, so that no pair is lost. At most one text of a batch is such.
            num_continued = len(firsts) - batch.num_sequences
            repeated = firsts[:num_continued]
            if shared:
                repeated = firsts if size else firsts[1:]  # no text is before the very first
            # Where the texts that begin in this batch start in the stream: as in the batch, less
            # the tokens left out before them.
            begun = firsts[num_continued:]
            starts.append(begun - np.searchsorted(repeated, begun) + size)
            kept = np.delete(batch.tokens, repeated) if len(repeated) else batch.tokens
            parts.append(kept)
            size += len(kept)
        tokens = parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty(0, np.uint8)])
        if shared or sum(map(len, starts)) <= 1:
            return cls(tokens)
        return cls(tokens, np.append(np.concatenate(starts), size))
