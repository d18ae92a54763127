"""Corpora: where sequences come from, read block by block and never as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from bigram.common.checks import MAX_VOCAB_SIZE, bad_value, check_index
from bigram.common.types import StrPaths
from bigram.corpus.opening import expand_paths
from bigram.corpus.records import JsonLines, ParquetFiles, Records
from bigram.corpus.source import Source, with_progress
from bigram.corpus.text_sources import TextFiles, TextIterable, lines_of
from bigram.corpus.token_shards import TokenFiles, check_shard_dtype
from bigram.corpus.unicode import utf8
from bigram.corpus.units import (
    Lines,
    Texts,
    TextUnit,
    Tokens,
    between_words,
    join_pieces,
    joined_lines,
    split_lines,
)
from bigram.corpus.where import Where

__all__ = ["Corpus", "as_corpus", "iter_texts", "iter_units", "iter_word_data"]


@dataclass(frozen=True)
class Corpus:
    r"""A source of sequences of text; iterating yields them as str.

    `Corpus.lines`, `Corpus.text` and the other class methods make one. Functions that take a corpus
    also take any iterable of str, in which each str is one sequence.

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
    def lines(cls, paths: StrPaths, *, errors: str = "strict") -> Corpus:
        r"""Read files in which each line is a sequence.

        Lines end at ``\n`` only; one ``\r`` before it and a leading byte-order mark are removed. A
        blank line is an empty sequence; a final newline does not add a sequence.

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
            If a pattern matches nothing. Reading the corpus raises OSError if a file cannot be
            read, and ValueError if it is invalid UTF-8.

        Examples
        --------
        See `Corpus`.
        """
        return cls(TextFiles(expand_paths(paths), True, _checked_errors(errors)))

    @classmethod
    def text(cls, paths: StrPaths, *, errors: str = "strict") -> Corpus:
        """Read files of running text, in which each file is a sequence, newlines included.

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

        Examples
        --------
        See `Corpus`.
        """
        return cls(TextFiles(expand_paths(paths), False, _checked_errors(errors)))

    @classmethod
    def shards(
        cls,
        paths: StrPaths,
        *,
        dtype: npt.DTypeLike | None = None,
        vocab_size: int,
        eod_id: int | None = None,
        mmap: bool = False,
    ) -> Corpus:
        """Read token ids from files, chunk by chunk.

        A file is one sequence. It is headerless (nanoGPT), or has llm.c's header of 256 int32
        (magic number 20240520 with uint16, 20240801 with uint32), or is a ``.npy``.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            Files, or patterns such as ``"fineweb_train_*.bin"``.
        dtype : dtype, optional
            uint8, uint16, uint32, int32 or int64. None takes the dtype of the header, or uint16
            for a headerless file.
        vocab_size : int
            V. Each id is checked to lie in [0, V).
        eod_id : int, optional
            The id between documents, which are then the sequences: a file is read as if it began
            and ended with this id. None makes each file one sequence.
        mmap : bool
            Map the files into memory instead of reading them into chunks of up to 32 to 128 MiB.
            Only for files that nobody changes meanwhile: one that is shortened ends the process by
            SIGBUS, where reading it raises ValueError.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. Reading the corpus raises ValueError if a file has a wrong
            size, a wrong magic number or an id outside the vocabulary; the error names the file and
            the byte.
        TypeError
            If `dtype` is not one of these.

        Examples
        --------
        >>> import numpy as np, pathlib, tempfile
        >>> import bigram
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "tokens.npy")
        ...     np.save(path, np.array([0, 1, 2, 1], np.uint16))
        ...     bigram.count(Corpus.shards(path, vocab_size=3)).top(1)
        [(0, 1, 1)]
        """
        size = check_index(vocab_size, "vocab_size", 1, MAX_VOCAB_SIZE)
        eod = None if eod_id is None else check_index(eod_id, "eod_id", 0, size - 1)
        files = expand_paths(paths)
        return cls(TokenFiles(files, check_shard_dtype(dtype), size, eod, bool(mmap)))

    @classmethod
    def jsonl(cls, paths: StrPaths, *, text_key: str = "text", errors: str = "strict") -> Corpus:
        r"""Read files with one JSON object per line, whose texts are the sequences.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            As `Corpus.lines` takes them.
        text_key : str
            The key of the text in each object.
        errors : {"strict", "replace"}
            Whether invalid UTF-8 is an error or becomes U+FFFD.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. Reading the corpus raises ValueError if a line is not an
            object with a text; the error names the file and the line.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "texts.jsonl")
        ...     _ = path.write_text('{"text": "ab", "id": 1}\n{"text": "c", "id": 2}\n')
        ...     list(Corpus.jsonl(path))
        ['ab', 'c']
        """
        files = TextFiles(expand_paths(paths), True, _checked_errors(errors))
        return cls(JsonLines(files, text_key))

    @classmethod
    def parquet(cls, paths: StrPaths, *, column: str = "text") -> Corpus:
        """Read a column of Parquet files, whose texts are the sequences; needs pyarrow.

        Parameters
        ----------
        paths : str, path-like, or iterable of them
            Files, or patterns such as ``"train-*.parquet"``.
        column : str
            The name of the column.

        Returns
        -------
        Corpus

        Raises
        ------
        FileNotFoundError
            If a pattern matches nothing. Reading the corpus raises ValueError if a file is damaged,
            or has no such column, or the column contains anything but texts.
        """
        return cls(ParquetFiles(expand_paths(paths), column))

    @classmethod
    def records(cls, records: Iterable[Mapping[str, Any]], *, text_key: str = "text") -> Corpus:
        """Read an iterable of dicts, such as a Hugging Face data set, whose texts are sequences.

        Parameters
        ----------
        records : iterable of mappings
        text_key : str
            The key of the text in each record.

        Returns
        -------
        Corpus

        Raises
        ------
        ValueError
            If a record has no text under the key. Reading the corpus raises it.

        Examples
        --------
        >>> list(Corpus.records([{"text": "ab", "id": 1}, {"text": "c", "id": 2}]))
        ['ab', 'c']
        """
        return cls(Records(records, text_key))

    @property
    def vocab_size(self) -> int | None:
        """Number of ids of `Corpus.shards`, None for text."""
        return self.source.vocab_size

    def __iter__(self) -> Iterator[str]:
        for texts, _ in iter_texts(self):
            yield from texts


def _checked_errors(errors: str) -> str:
    if errors not in ("strict", "replace"):
        raise bad_value(errors, "errors", "'strict' or 'replace'")
    return errors


def as_corpus(corpus: Corpus | Iterable[str]) -> Corpus:
    """Return a corpus, or an iterable of str as one; an open file of text is its lines.

    Raises
    ------
    TypeError
        If `corpus` is a single str, bytes, path, mapping or table, or is not iterable.
    """
    if isinstance(corpus, Corpus):
        return corpus
    kind = type(corpus).__name__
    if isinstance(corpus, (str, bytes, os.PathLike)):
        raise TypeError(f"corpus is a single {kind}: pass [text] or Corpus.lines(path)")
    if isinstance(corpus, Mapping) or not isinstance(corpus, Iterable):
        raise TypeError(f"corpus is {kind}, wanted a Corpus or an iterable of str")
    if hasattr(corpus, "columns"):  # iterating would give the names of the columns
        raise TypeError(f'corpus is {kind}, wanted one column of it, such as frame["text"]')
    if hasattr(corpus, "readline"):
        return Corpus(TextIterable(lines_of(corpus)))
    return Corpus(TextIterable(corpus))


def iter_units(
    corpus: Corpus, description: str = "reading", *, progress: bool = False
) -> Iterator[TextUnit]:
    """Yield the units of a corpus of text.

    Raises
    ------
    TypeError
        If the corpus is `Corpus.shards`.
    """
    source = corpus.source
    for unit in with_progress(source.units(), source, description, progress):
        if isinstance(unit, Tokens):
            raise TypeError("corpus is Corpus.shards, which contains token ids, wanted text")
        yield unit


def iter_texts(
    corpus: Corpus | Iterable[str], *, whole: bool = True
) -> Iterator[tuple[list[str], Where]]:
    """Yield a corpus as lists of texts, and where each list begins.

    Unless `whole` is set, a long text is yielded in pieces, each a list of its own.
    """
    units = iter_units(as_corpus(corpus))
    for unit in join_pieces(units) if whole else units:
        if isinstance(unit, Lines):
            yield split_lines(unit.data), unit.where
        else:
            yield unit.texts if isinstance(unit, Texts) else [unit.text], unit.where


def iter_word_data(corpus: Corpus | Iterable[str]) -> Iterator[tuple[bytes, Where]]:
    """Yield a corpus as UTF-8, cut between words, and where each part begins."""
    for unit in between_words(iter_units(as_corpus(corpus))):
        if isinstance(unit, Lines):
            yield unit.data, unit.where
        elif isinstance(unit, Texts):
            yield joined_lines(unit.texts), unit.where
        else:
            yield utf8(unit.text), unit.where
