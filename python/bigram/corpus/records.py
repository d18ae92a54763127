"""Texts out of records: JSON lines, Parquet, Hugging Face data sets, any iterable of dicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bigram.common.optional import needs
from bigram.common.progress import progress
from bigram.corpus.text_sources import TextFiles
from bigram.corpus.units import Lines, Texts, join_pieces, split_lines

__all__ = ["JsonLines", "ParquetFiles", "Records"]

_BATCH_ROWS = 4096


@dataclass(frozen=True)
class JsonLines:
    """The texts under one key of files of JSON objects, one a line; blank lines are left out."""

    files: TextFiles
    text_key: str

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return self.files.can_be_read_again

    def __iter__(self) -> Iterator[str]:
        with progress("reading") as bar:
            for unit in join_pieces(self.files.units(bar)):
                lines = split_lines(unit.data) if isinstance(unit, Lines) else unit.texts
                for index, line in enumerate(lines):
                    if line and not line.isspace():
                        yield self._text(line, unit, index)

    def _text(self, line: str, unit: Lines | Texts, index: int) -> str:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{unit.where.label(index)} is no JSON: {error}") from None
        return _text_of(record, self.text_key, unit.where.label(index))


@dataclass(frozen=True)
class Records:
    """The texts under one key of an iterable of dicts."""

    records: Iterable[Mapping[str, Any]]
    text_key: str

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return not isinstance(self.records, Iterator)

    def __iter__(self) -> Iterator[str]:
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
        raise ValueError(f"the data set has no column {key!r}; it has {', '.join(batch)}")
    return batch[key]


def _text_of(record: object, key: str, label: str) -> str:
    if not isinstance(record, Mapping):
        raise ValueError(f"{label} is {type(record).__name__}, wanted a mapping with {key!r}")
    if key not in record:
        raise ValueError(f"{label} has no {key!r}; it has {', '.join(map(str, record))}")
    text = record[key]
    if not isinstance(text, str):
        raise ValueError(f"{label}: {key!r} is {type(text).__name__}, wanted str")
    return text


@dataclass(frozen=True)
class ParquetFiles:
    """One column of text of Parquet files."""

    paths: tuple[str, ...]
    column: str

    def __iter__(self) -> Iterator[str]:
        with needs("pyarrow", extra="parquet", purpose="reading Parquet"):
            from pyarrow import ArrowException, parquet
        for path in self.paths:
            yield from self._texts(path, parquet.ParquetFile, ArrowException)

    def _texts(self, path: str, opened: Any, failure: type[Exception]) -> Iterator[str]:
        try:
            with opened(path) as file:
                names = file.schema_arrow.names
                if self.column not in names:
                    known = ", ".join(names)
                    raise ValueError(f"{path}: no column {self.column!r}; it has {known}")
                row = 0
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[self.column]):
                    yield from _checked_column(batch.column(0).to_pylist(), path, row)
                    row += batch.num_rows
        except failure as error:
            raise ValueError(f"{path}: damaged, or no Parquet file: {error}") from None


def _checked_column(texts: list[Any], path: str, row: int) -> list[str]:
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"{path}: row {row + index} is {type(text).__name__}, wanted str")
    return texts
