"""Corpora: where sequences come from, streamed by batches and never read whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.byte_tokenizer import ByteTokenizer
from bigram.char_tokenizer import CharTokenizer
from bigram.kernels._checks import MAX_VOCAB_SIZE, check_index
from bigram.progress import Progress
from bigram.progress import progress as progress_bar
from bigram.records import JsonLines, ParquetFiles, Records
from bigram.shards import TokenFiles, check_shard_dtype
from bigram.sources import (
    Lines,
    Piece,
    Source,
    TextFiles,
    TextIterable,
    Texts,
    Unit,
    between_words,
    join_pieces,
    split_lines,
)
from bigram.streams import Paths, expand_paths
from bigram.texts import Ids, Offsets, Where
from bigram.tokenizers import Tokenizer
from bigram.word_tokenizer import WordTokenizer, joined_lines

__all__ = [
    "Corpus",
    "TokenBatch",
    "as_corpus",
    "encode_corpus",
    "iter_texts",
    "open_progress",
]


@dataclass(frozen=True)
class Corpus:
    r"""Where sequences of text come from; iterating gives them as str.

    Made by `Corpus.lines`, `Corpus.text` and others. Wherever a corpus is taken, any iterable of
    str does too, each str one sequence.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "names.txt")
    ...     _ = path.write_bytes(b"emma\r\n\nava")
    ...     list(Corpus.lines(path)), list(Corpus.text(path))
    (['emma', '', 'ava'], ['emma\r\n\nava'])
    """

    source: Source

    @classmethod
    def lines(cls, paths: Paths, *, errors: str = "strict") -> Corpus:
        r"""Read files of one sequence a line.

        Lines end at ``\n`` only; one ``\r`` before it and a leading byte-order mark are dropped. A
        blank line is an empty sequence, and a final newline adds none.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            Plain, ``.gz`` or ``.zst`` files of UTF-8, patterns such as ``"part-*.txt"``, or ``"-"``
            for standard input.
        errors : {"strict", "replace"}
            Whether invalid UTF-8 is an error or becomes U+FFFD.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. A file that cannot be read raises OSError, and invalid
            UTF-8 ValueError, where the corpus is used.
        """
        return cls(TextFiles(expand_paths(paths), True, _checked_errors(errors)))

    @classmethod
    def text(cls, paths: Paths, *, errors: str = "strict") -> Corpus:
        """Read files of running text, one sequence a file, newlines included.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            As `Corpus.lines` takes them.
        errors : {"strict", "replace"}
            Whether invalid UTF-8 is an error or becomes U+FFFD.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing.
        """
        return cls(TextFiles(expand_paths(paths), False, _checked_errors(errors)))

    @classmethod
    def shards(
        cls,
        paths: Paths,
        *,
        dtype: npt.DTypeLike | None = None,
        vocab_size: int,
        eod_id: int | None = None,
    ) -> Corpus:
        """Read token ids from files, memory-mapped.

        A file is one sequence. It is headerless (nanoGPT), or has llm.c's header of 256 int32
        (magic number 20240520 with uint16, 20240801 with uint32), or is a ``.npy``.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            Files, or patterns such as ``"fineweb_train_*.bin"``.
        dtype : dtype, optional
            uint8, uint16, uint32, int32 or int64. None is what the header says, and uint16 for a
            headerless file.
        vocab_size : int
            V; every id is checked to be below it.
        eod_id : int, optional
            The id between documents, which then are the sequences: a file reads as if it began and
            ended with it. None takes it for an id like any other.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. A file of the wrong size, or with a wrong magic number or
            an id outside of the vocabulary, raises ValueError where the corpus is used; the error
            names the file and the offset.
        TypeError
            If `dtype` is none of those above.
        """
        size = check_index(vocab_size, "vocab_size", 1, MAX_VOCAB_SIZE)
        eod = None if eod_id is None else check_index(eod_id, "eod_id", 0, size - 1)
        return cls(TokenFiles(expand_paths(paths), check_shard_dtype(dtype), size, eod))

    @classmethod
    def jsonl(cls, paths: Paths, *, text_key: str = "text", errors: str = "strict") -> Corpus:
        """Read texts from files of JSON objects, one a line, each text a sequence.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            As `Corpus.lines` takes them.
        text_key : str
            Key of the text in each object.
        errors : {"strict", "replace"}
            Whether invalid UTF-8 is an error or becomes U+FFFD.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. A line that is no object with a text raises ValueError
            where the corpus is used.
        """
        files = TextFiles(expand_paths(paths), True, _checked_errors(errors))
        return cls(TextIterable(JsonLines(files, text_key)))

    @classmethod
    def parquet(cls, paths: Paths, *, column: str = "text") -> Corpus:
        """Read a column of texts from Parquet files, each text a sequence; needs pyarrow.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            Files, or patterns such as ``"train-*.parquet"``.
        column : str

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. A file that is damaged, has no such column or holds
            something else in it raises ValueError where the corpus is used.
        """
        return cls(TextIterable(ParquetFiles(expand_paths(paths), column)))

    @classmethod
    def records(cls, records: Iterable[Mapping[str, Any]], *, text_key: str = "text") -> Corpus:
        """Read texts from an iterable of dicts, such as a data set of Hugging Face.

        Parameters
        ----------
        records : iterable of mappings
        text_key : str
            Key of the text in each.

        Returns
        -------
        Corpus

        Raises
        ------
        ValueError
            Where the corpus is used, for a record that has no text under the key.

        Examples
        --------
        >>> list(Corpus.records([{"text": "ab", "id": 1}, {"text": "c", "id": 2}]))
        ['ab', 'c']
        """
        return cls(TextIterable(Records(records, text_key)))

    @property
    def vocab_size(self) -> int | None:
        """Number of ids of `Corpus.shards`, None for text."""
        return self.source.vocab_size if isinstance(self.source, TokenFiles) else None

    def __iter__(self) -> Iterator[str]:
        for texts, _ in iter_texts(self):
            yield from texts


def _checked_errors(errors: str) -> str:
    if errors not in ("strict", "replace"):
        raise ValueError(f"errors = {errors!r}, wanted 'strict' or 'replace'")
    return errors


def as_corpus(corpus: Corpus | Iterable[str]) -> Corpus:
    """Return a corpus, or an iterable of str as one.

    Raises
    ------
    TypeError
        For a single str, bytes, path or mapping, and for what is not iterable.
    """
    if isinstance(corpus, Corpus):
        return corpus
    kind = type(corpus).__name__
    if isinstance(corpus, (str, bytes, os.PathLike)):
        raise TypeError(f"corpus is a single {kind}: pass [text] or Corpus.lines(path)")
    if isinstance(corpus, Mapping) or not isinstance(corpus, Iterable):
        raise TypeError(f"corpus is {kind}, wanted a Corpus or an iterable of str")
    return Corpus(TextIterable(corpus))


def open_progress(corpus: Corpus, description: str, enabled: bool) -> Progress:
    """Open the progress bar that a corpus's units advance, in bytes."""
    total = corpus.source.total() if enabled else None
    return progress_bar(description, total=total, enabled=enabled, unit="B", unit_scale=True)


def iter_texts(
    corpus: Corpus | Iterable[str], *, whole: bool = True
) -> Iterator[tuple[list[str], Where]]:
    """Yield a corpus as lists of texts, and where each list begins.

    Unless `whole` is set, a long text comes in pieces, each a list of its own.
    """
    with progress_bar("reading") as bar:
        units = as_corpus(corpus).source.units(bar)
        for unit in join_pieces(units) if whole else units:
            if isinstance(unit, Lines):
                yield split_lines(unit.data), unit.where
            else:
                yield unit.texts if isinstance(unit, Texts) else [unit.text], unit.where


def iter_word_data(corpus: Corpus | Iterable[str]) -> Iterator[tuple[bytes, Where]]:
    """Yield a corpus as UTF-8, cut between words, and where each part begins."""
    with progress_bar("reading") as bar:
        for unit in between_words(as_corpus(corpus).source.units(bar)):
            if isinstance(unit, Lines):
                yield unit.data, unit.where
            elif isinstance(unit, Texts):
                yield joined_lines(unit.texts), unit.where
            else:
                yield unit.text.encode("utf-8", "surrogatepass"), unit.where


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
