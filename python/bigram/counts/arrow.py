"""Counts as Arrow tables, pandas frames and Parquet files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import MAX_VOCAB_SIZE, check_vocab_size
from bigram.common.optional import needs
from bigram.common.types import Column, Csr, Dense, StrPath
from bigram.counts.columns import (
    COLUMNS,
    LINES_PER_BLOCK,
    collect,
    describe,
    parse_metadata,
)
from bigram.counts.rows import pairs_of
from bigram.storage.atomic import atomic_write

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pandas import DataFrame as DataFrame
    from pyarrow import Table as Table

    from bigram.tokenizers.protocol import Tokenizer

__all__ = ["parquet_holds_counts", "read_parquet", "to_arrow", "to_pandas", "write_parquet"]


# What a Parquet file may unpack to whatever its size, and for each of its bytes.
_FREE_BYTES, _BYTES_PER_BYTE, _ROWS_PER_BYTE = 1 << 26, 64, 16


def _pyarrow() -> Any:
    with needs("pyarrow", extra="parquet", purpose="a table of Arrow or Parquet"):
        import pyarrow as pa
    return pa


def _tables(matrix: Dense | Csr, tokenizer: Tokenizer | None) -> Iterator[pa.Table]:
    """Yield Arrow tables: int32 ids and int64 counts, and the symbols where they are known."""
    pa = _pyarrow()
    symbols = None
    if tokenizer is not None:
        valid = [s.encode("utf-8", "backslashreplace").decode() for s in tokenizer.vocab]
        symbols = pa.array(valid, pa.string())
    described = {"bigram": describe(matrix, tokenizer)}
    for contexts, nexts, values in pairs_of(matrix):
        ids = [pa.array(column.astype(np.int32)) for column in (contexts, nexts)]
        columns = dict(zip(COLUMNS, [*ids, pa.array(values)], strict=True))
        if symbols is not None:
            for column, array in zip(COLUMNS, ids, strict=False):
                columns[f"{column}_symbol"] = pa.DictionaryArray.from_arrays(array, symbols)
        yield pa.table(columns, metadata=described)


def to_arrow(matrix: Dense | Csr, tokenizer: Tokenizer | None) -> pa.Table:
    """Return all pairs as an Arrow table: see `BigramCounts.to_arrow`."""
    return _pyarrow().concat_tables(_tables(matrix, tokenizer))


def to_pandas(matrix: Dense | Csr, tokenizer: Tokenizer | None) -> pd.DataFrame:
    """Return all pairs as a data frame: see `BigramCounts.to_pandas`."""
    with needs("pandas", extra="pandas", purpose="a data frame"):
        import pandas as pd
    contexts, nexts, values = (
        np.concatenate(columns) for columns in zip(*pairs_of(matrix), strict=True)
    )
    ids = {"context": contexts.astype(np.int32), "next": nexts.astype(np.int32)}
    columns: dict[str, Any] = {**ids, "count": values}
    if tokenizer is not None:
        # As objects: strings of Arrow, pandas' own choice, cannot hold lone surrogates.
        vocab = pd.Index(tokenizer.vocab, dtype=object)
        for column, array in ids.items():
            columns[f"{column}_symbol"] = pd.Categorical.from_codes(array, vocab)
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame


def write_parquet(matrix: Dense | Csr, tokenizer: Tokenizer | None, path: StrPath) -> None:
    """Write all pairs to a Parquet file, block by block."""
    _pyarrow()
    from pyarrow.parquet import ParquetWriter

    with atomic_write(path) as file:
        writer = None
        for table in _tables(matrix, tokenizer):
            writer = ParquetWriter(file, table.schema) if writer is None else writer
            writer.write_table(table)
        assert writer is not None
        writer.close()


def parquet_holds_counts(path: StrPath) -> bool:
    """Tell whether a Parquet file has the columns of counts; only its footer is read."""
    pa = _pyarrow()
    from pyarrow.parquet import read_schema

    try:
        return set(COLUMNS) <= set(read_schema(path).names)
    except pa.ArrowException as error:
        raise ValueError(f"{os.fspath(path)}: not a Parquet file, or damaged: {error}") from None


def read_parquet(path: StrPath, *, vocab_size: int | None = None) -> tuple[Csr, Tokenizer | None]:
    """Read counts from the columns context, next and count (ids) of a Parquet file."""
    pa = _pyarrow()
    from pyarrow.parquet import ParquetFile

    name, expected = os.fspath(path), None
    given = vocab_size = None if vocab_size is None else check_vocab_size(vocab_size)
    try:
        with open(name, "rb") as handle, ParquetFile(handle) as file:
            num_bytes = os.fstat(handle.fileno()).st_size
            _check_bomb(name, file.metadata, num_bytes)
            description = (file.schema_arrow.metadata or {}).get(b"bigram")
            if description is not None:
                expected = parse_metadata(name, description)
                vocab_size = expected.vocab_size
            if vocab_size is None:
                vocab_size = _largest_id(name, file) + 1
            matrix = collect(
                name,
                _parquet_blocks(name, file),
                vocab_size,
                num_bytes=num_bytes,
                given=given,
                expected=expected,
            )
            return matrix, None if expected is None else expected.tokenizer
    except MemoryError:  # pyarrow's is an ArrowException too
        raise
    except (pa.ArrowException, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system, not pyarrow's for bytes that it cannot read
        raise ValueError(f"{name}: not Parquet, damaged, or without counts: {error}") from None


def _check_bomb(name: str, described: Any, num_bytes: int) -> None:
    """Refuse a file that unpacks to far more than its size: a page of nothing can say "again"."""
    groups = [described.row_group(k) for k in range(described.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    if unpacked > _FREE_BYTES + _BYTES_PER_BYTE * num_bytes:
        raise ValueError(f"{name}: {num_bytes} bytes unpack to {unpacked}, refused as too many")
    rows = described.num_rows
    if rows > _FREE_BYTES // 16 + _ROWS_PER_BYTE * num_bytes:
        raise ValueError(f"{name}: {num_bytes} bytes hold {rows} rows, refused as too many")


def _largest_id(name: str, file: Any) -> int:
    """Return the largest id of a file that does not say how many there are; it is read for it."""
    largest = 0
    for contexts, nexts, _ in _parquet_blocks(name, file):
        if len(contexts):
            largest = max(largest, int(contexts.max()), int(nexts.max()))
    return min(largest, MAX_VOCAB_SIZE - 1)


def _parquet_blocks(name: str, file: Any) -> Iterator[tuple[Column, Column, Column]]:
    import pyarrow as pa

    for column in COLUMNS:
        kind = file.schema_arrow.field(column).type
        if not pa.types.is_integer(kind):
            raise ValueError(f"{name}: column {column} is {kind}, wanted integers")
    for batch in file.iter_batches(LINES_PER_BLOCK, columns=list(COLUMNS)):
        for column in COLUMNS:
            if batch.column(column).null_count:
                raise ValueError(f"{name}: column {column} has nulls, wanted integers")
        columns = [batch.column(c).cast(pa.int64()).to_numpy() for c in COLUMNS]
        yield columns[0], columns[1], columns[2]
