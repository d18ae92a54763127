"""Texts in records: JSON lines, Parquet, Hugging Face data sets, any iterable of dicts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from bigram.common.optional import needs
from bigram.corpus.opening import are_files, total_bytes
from bigram.corpus.text_sources import TextFiles, iterable_units, text_units
from bigram.corpus.units import Lines, Texts, TextUnit, join_pieces, split_lines

__all__ = ["JsonLines", "ParquetFiles", "Records"]

_BATCH_ROWS = 4096
_MOST_NAMES, _LONGEST_NAME = 20, 60  # in an error


@dataclass(frozen=True)
class JsonLines:
    """The texts under one key of files of JSON objects, one a line; blank lines are skipped."""

    files: TextFiles
    text_key: str
    vocab_size: ClassVar[None] = None

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return self.files.can_be_read_again

    def total(self) -> int | None:
        """Return the number of bytes in all files, if known."""
        return self.files.total()

    def units(self) -> Iterator[TextUnit]:
        """Yield the texts of about a block of lines at a time, and long texts as pieces."""
        first = num_read = 0
        for unit in join_pieces(self.files.units()):
            num_read += unit.num_read
            lines = split_lines(unit.data) if isinstance(unit, Lines) else unit.texts
            texts = [
                self._text(line, unit, index)
                for index, line in enumerate(lines)
                if line and not line.isspace()
            ]
            if texts:
                yield from text_units(texts, first, num_read)
                first, num_read = first + len(texts), 0

    def _text(self, line: str, unit: Lines | Texts, index: int) -> str:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{unit.where.label(index)} is not JSON: {error}") from None
        return _text_of(record, self.text_key, unit.where.label(index))


@dataclass(frozen=True)
class Records:
    """The texts under one key of an iterable of dicts."""

    records: Iterable[Mapping[str, Any]]
    text_key: str
    vocab_size: ClassVar[None] = None

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return not isinstance(self.records, Iterator)

    def total(self) -> int | None:
        """Return None: the size is not known before reading."""
        return None

    def units(self) -> Iterator[TextUnit]:
        """Yield the texts in batches, and long texts as pieces."""
        return iterable_units(self._texts())

    def _texts(self) -> Iterator[Any]:
        by_batches = getattr(self.records, "iter", None)
        if by_batches is not None and hasattr(self.records, "features"):
            # A data set of Hugging Face, which is slow row by row.
            for batch in by_batches(batch_size=_BATCH_ROWS):
                yield from _column_of(batch, self.text_key)
            return
        for index, record in enumerate(self.records):
            yield _text_of(record, self.text_key, f"records[{index}]")


def _column_of(batch: Mapping[str, list[Any]], key: str) -> list[Any]:
    if key not in batch:
        raise ValueError(f"the data set has no column {key!r}; it has {_listed(batch)}")
    return batch[key]


def _listed(names: Iterable[object]) -> str:
    """Return the first names, shortened: a record may have any number, of any length."""
    shown = [str(name) for name in islice(names, _MOST_NAMES + 1)]
    short = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..." for name in shown]
    return ", ".join(short[:_MOST_NAMES]) + (", ..." if len(shown) > _MOST_NAMES else "")


def _text_of(record: object, key: str, label: str) -> str:
    if not isinstance(record, Mapping):
        raise ValueError(f"{label} is {type(record).__name__}, wanted a mapping with {key!r}")
    if key not in record:
        raise ValueError(f"{label} has no {key!r}; it has {_listed(record)}")
    text = record[key]
    if not isinstance(text, str):
        raise ValueError(f"{label}: {key!r} is {type(text).__name__}, wanted str")
    return text


@dataclass(frozen=True)
class ParquetFiles:
    """One column of text of Parquet files."""

    paths: tuple[str, ...]
    column: str
    vocab_size: ClassVar[None] = None

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return are_files(self.paths)

    def total(self) -> int | None:
        """Return the number of bytes in all files; each row counts as its share of a file."""
        return total_bytes(self.paths)

    def units(self) -> Iterator[TextUnit]:
        """Yield the texts in batches of rows, and long texts as pieces."""
        first = 0
        for path in self.paths:
            for texts, num_read in self._batches(path):
                yield from text_units(texts, first, num_read)
                first += len(texts)

    def _batches(self, path: str) -> Iterator[tuple[list[str], int]]:
        """Yield the texts of one file, and how many of its bytes they stand for."""
        with needs("pyarrow", extra="parquet", purpose="reading Parquet"):
            from pyarrow import ArrowException, parquet
        try:
            with parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
                if self.column not in names:
                    raise ValueError(f"{path}: no column {self.column!r}; it has {_listed(names)}")
                size, num_rows = os.path.getsize(path), file.metadata.num_rows
                row = read = 0
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[self.column]):
                    texts = _checked_column(batch.column(0).to_pylist(), path, row)
                    row += len(texts)
                    before, read = read, size * row // num_rows
                    yield texts, read - before
        except ArrowException as error:
            raise ValueError(f"{path}: not a Parquet file, or damaged: {error}") from None


def _checked_column(texts: list[Any], path: str, row: int) -> list[str]:
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"{path}: row {row + index} is {type(text).__name__}, wanted str")
    return texts
