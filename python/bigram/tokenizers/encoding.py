"""From a corpus to token ids, by batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.common.types import Ids, Offsets
from bigram.corpus.corpus import Corpus, as_corpus, open_progress
from bigram.corpus.token_shards import TokenFiles
from bigram.corpus.units import Lines, Piece, Texts, Unit, between_words, join_pieces, split_lines
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.protocol import Tokenizer
from bigram.tokenizers.word import WordTokenizer

__all__ = ["TokenBatch", "encode_corpus", "pairs_inside"]

# Those that encode bytes and parts of texts, and know where a text comes from.
_OUR_TOKENIZERS = (CharTokenizer, ByteTokenizer, WordTokenizer)


@dataclass(frozen=True)
class TokenBatch:
    """Some sequences of a corpus as token ids.

    A sequence too long for one batch goes on in the next ones, each of which begins with the last
    token of the one before: no pair is lost or counted twice.

    Attributes
    ----------
    tokens : array, shape (n_tokens,), integer
    offsets : int64 array, shape (n + 1,)
        Sequence `i` is ``tokens[offsets[i]:offsets[i + 1]]``, with its own two boundaries.
    num_sequences : int
        Number of sequences that start in this batch.
    num_bytes : int
        UTF-8 bytes of the text, without line ends; 0 where only token ids are known.
    num_unknown : int
        Number of unknown tokens.
    """

    tokens: Ids
    offsets: Offsets
    num_sequences: int
    num_bytes: int
    num_unknown: int


def pairs_inside(num_tokens: int, offsets: Offsets) -> npt.NDArray[np.bool_]:
    """Tell which neighbours are pairs, none of which crosses an offset, shape (num_tokens - 1,)."""
    inside = np.ones(max(num_tokens - 1, 0), np.bool_)
    borders = offsets[1:-1]
    inside[borders[(borders > 0) & (borders < num_tokens)] - 1] = False
    return inside


def encode_corpus(
    corpus: Corpus | Iterable[str], tokenizer: Tokenizer | None, *, progress: bool = False
) -> Iterator[TokenBatch]:
    """Yield a corpus as token ids, by batches of about a megabyte of text.

    Parameters
    ----------
    corpus : Corpus or iterable of str
    tokenizer : Tokenizer or None
        None for `Corpus.shards`, which need none.
    progress : bool
        Show a progress bar.

    Yields
    ------
    TokenBatch

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a text cannot be encoded; the error says which and where.

    Examples
    --------
    >>> tokenizer = CharTokenizer.from_texts(["ab"])
    >>> [batch.tokens for batch in encode_corpus(["ab", "b"], tokenizer)]
    [array([0, 1, 2, 0, 0, 2, 0], dtype=uint8)]
    """
    source = as_corpus(corpus)
    if isinstance(source.source, TokenFiles):
        yield from _token_batches(source, source.source, tokenizer, progress)
        return
    if tokenizer is None:
        raise TypeError("tokenizer is None, which only Corpus.shards can do with")
    with open_progress(source, "encoding", progress) as bar:
        units: Iterable[Unit] = source.source.units(bar)
        if isinstance(tokenizer, WordTokenizer):
            units = between_words(units)
        elif not isinstance(tokenizer, _OUR_TOKENIZERS):
            units = join_pieces(units)
        previous: list[Any] = []
        for unit in units:
            if isinstance(unit, Piece):
                batch = _encode_piece(unit, tokenizer, previous)
                previous = batch.tokens[-1:].tolist()
            elif isinstance(unit, Lines):
                batch = _encode_lines(unit, tokenizer)
            else:
                batch = _encode_texts(unit, tokenizer)
            yield batch


def _token_batches(
    corpus: Corpus, files: TokenFiles, tokenizer: Tokenizer | None, progress: bool
) -> Iterator[TokenBatch]:
    if tokenizer is not None and tokenizer.vocab_size != files.vocab_size:
        raise ValueError(
            f"the tokenizer has {tokenizer.vocab_size} symbols, but the shards {files.vocab_size}"
        )
    with open_progress(corpus, "reading", progress) as bar:
        for tokens, num_sequences in files.chunks(bar):
            offsets = np.array([0, len(tokens)], dtype=np.int64)
            num_unknown = 0 if tokenizer is None else _unknown(tokens, tokenizer)
            yield TokenBatch(tokens, offsets, num_sequences, 0, num_unknown)


def _encode_lines(unit: Lines, tokenizer: Tokenizer) -> TokenBatch:
    if not isinstance(tokenizer, _OUR_TOKENIZERS):
        return _encode_texts(Texts(split_lines(unit.data), unit.where), tokenizer)
    tokens, offsets = tokenizer.encode_lines(unit.data, unit.where)
    num_bytes = len(unit.data) - (len(offsets) - 1)
    return TokenBatch(tokens, offsets, len(offsets) - 1, num_bytes, _unknown(tokens, tokenizer))


def _encode_texts(unit: Texts, tokenizer: Tokenizer) -> TokenBatch:
    if isinstance(tokenizer, _OUR_TOKENIZERS):
        tokens, offsets = tokenizer.encode_texts(unit.texts, unit.where)
    else:
        tokens, offsets = tokenizer.encode_batch(unit.texts)
    num_bytes = sum(map(_num_bytes, unit.texts))
    return TokenBatch(tokens, offsets, len(unit.texts), num_bytes, _unknown(tokens, tokenizer))


def _encode_piece(unit: Piece, tokenizer: Any, previous: list[Any]) -> TokenBatch:
    ids = tokenizer.encode_piece(unit.text, unit.where)
    boundary = [] if tokenizer.boundary_id is None else [tokenizer.boundary_id]
    head = boundary if unit.starts else previous
    tail = boundary if unit.ends else []
    tokens = np.concatenate([np.array(head, ids.dtype), ids, np.array(tail, ids.dtype)])
    offsets = np.array([0, len(tokens)], dtype=np.int64)
    unknown = _unknown(ids, tokenizer)
    return TokenBatch(tokens, offsets, int(unit.starts), _num_bytes(unit.text), unknown)


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _unknown(tokens: Ids, tokenizer: Tokenizer) -> int:
    return 0 if tokenizer.unknown_id is None else int((tokens == tokenizer.unknown_id).sum())
