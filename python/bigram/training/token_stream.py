"""The tokens of a corpus as one array, with offsets where sequences are apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram import kernels
from bigram.common.checks import check_tokens
from bigram.corpus.corpus import Corpus
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.matrix import DENSE_LIMIT
from bigram.tokenizers.encoding import encode_corpus
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["TokenStream"]


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
