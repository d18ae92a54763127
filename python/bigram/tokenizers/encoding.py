"""From a corpus to batches of token ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bigram.common.types import Ids, Offsets
from bigram.corpus.corpus import Corpus, as_corpus, iter_units
from bigram.corpus.source import with_progress
from bigram.corpus.unicode import utf8
from bigram.corpus.units import (
    Lines,
    Piece,
    TextUnit,
    Tokens,
    between_words,
    join_pieces,
    split_lines,
)
from bigram.tokenizers.protocol import StreamTokenizer, Tokenizer, encodes_streams

__all__ = ["TokenBatch", "encode_corpus", "pairs_inside"]


@dataclass(frozen=True)
class TokenBatch:
    """Some sequences of a corpus as token ids.

    A sequence that is too long for one batch continues in the next ones, each of which begins with
    the last token of the one before, so that no pair is lost or counted twice.

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
    """Tell which neighbours are pairs, as no pair crosses an offset; shape (num_tokens - 1,)."""
    inside = np.ones(max(num_tokens - 1, 0), np.bool_)
    borders = offsets[1:-1]
    inside[borders[(borders > 0) & (borders < num_tokens)] - 1] = False
    return inside


def encode_corpus(
    corpus: Corpus | Iterable[str], tokenizer: Tokenizer | None, *, progress: bool = False
) -> Iterator[TokenBatch]:
    """Yield a corpus as token ids, in batches of about a megabyte of text.

    Parameters
    ----------
    corpus : Corpus or iterable of str
    tokenizer : Tokenizer or None
        None for `Corpus.shards`, which do not need one.
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
    >>> import bigram
    >>> tokenizer = bigram.CharTokenizer.from_texts(["ab"])
    >>> [batch.tokens for batch in encode_corpus(["ab", "b"], tokenizer)]
    [array([0, 1, 2, 0, 0, 2, 0], dtype=uint8)]
    """
    source = as_corpus(corpus)
    if source.vocab_size is not None:
        yield from _token_batches(source, tokenizer, progress)
        return
    if tokenizer is None:
        raise TypeError("tokenizer is None; only Corpus.shards works without a tokenizer")
    units = iter_units(source, "encoding", progress=progress)
    if encodes_streams(tokenizer):
        yield from _stream_batches(units, tokenizer)
    else:
        yield from _text_batches(units, tokenizer)


def _token_batches(
    corpus: Corpus, tokenizer: Tokenizer | None, progress: bool
) -> Iterator[TokenBatch]:
    if tokenizer is not None and tokenizer.vocab_size != corpus.vocab_size:
        raise ValueError(
            f"tokenizer.vocab_size = {tokenizer.vocab_size}, wanted that of the shards, "
            f"{corpus.vocab_size}"
        )
    source = corpus.source
    for unit in with_progress(source.units(), source, "reading", progress):
        assert isinstance(unit, Tokens)
        offsets = np.array([0, len(unit.tokens)], dtype=np.int64)
        num_unknown = 0 if tokenizer is None else _unknown(unit.tokens, tokenizer)
        yield TokenBatch(unit.tokens, offsets, unit.num_sequences, 0, num_unknown)


def _text_batches(units: Iterable[TextUnit], tokenizer: Tokenizer) -> Iterator[TokenBatch]:
    """Encode texts that have to be whole."""
    for unit in join_pieces(units):
        texts = split_lines(unit.data) if isinstance(unit, Lines) else unit.texts
        tokens, offsets = tokenizer.encode_batch(texts)
        num_bytes = sum(map(_num_bytes, texts))
        yield TokenBatch(tokens, offsets, len(texts), num_bytes, _unknown(tokens, tokenizer))


def _stream_batches(units: Iterable[TextUnit], tokenizer: StreamTokenizer) -> Iterator[TokenBatch]:
    """Encode texts as they are read, long ones in pieces."""
    if tokenizer.granularity == "word":
        units = between_words(units)
    previous: list[int] = []  # the last token of a text that continues
    for unit in units:
        if isinstance(unit, Piece):
            batch = _encode_piece(unit, tokenizer, previous)
            previous = batch.tokens[-1:].tolist()
            yield batch
            continue
        if isinstance(unit, Lines):
            tokens, offsets = tokenizer.encode_lines(unit.data, unit.where)
            num_bytes = len(unit.data) - (len(offsets) - 1)
        else:
            tokens, offsets = tokenizer.encode_texts(unit.texts, unit.where)
            num_bytes = sum(map(_num_bytes, unit.texts))
        num_unknown = _unknown(tokens, tokenizer)
        yield TokenBatch(tokens, offsets, len(offsets) - 1, num_bytes, num_unknown)


def _encode_piece(unit: Piece, tokenizer: StreamTokenizer, previous: list[int]) -> TokenBatch:
    """Encode part of a text after its boundary, or after the last token of the part before."""
    ids = tokenizer.encode_piece(unit.text, unit.where)
    boundary = [] if tokenizer.boundary_id is None else [tokenizer.boundary_id]
    head = boundary if unit.starts else previous
    tail = boundary if unit.ends else []
    tokens = np.concatenate([np.array(head, ids.dtype), ids, np.array(tail, ids.dtype)])
    offsets = np.array([0, len(tokens)], dtype=np.int64)
    unknown = _unknown(ids, tokenizer)
    return TokenBatch(tokens, offsets, int(unit.starts), _num_bytes(unit.text), unknown)


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(utf8(text))


def _unknown(tokens: Ids, tokenizer: Tokenizer) -> int:
    return 0 if tokenizer.unknown_id is None else int((tokens == tokenizer.unknown_id).sum())
