"""Counts in files that others read: tab-separated values, Parquet, and SciPy's .npz.

All of them keep the size of the vocabulary and the tokenizer, so that what is written is read back
as it was; files from elsewhere need only the columns context, next and count with token ids.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bigram.files import Path, atomic_write
from bigram.kernels._checks import MAX_INT, MAX_VOCAB_SIZE, check_index, check_vocab_size
from bigram.sparse import RunningSum, check_total, empty_sparse, exact_sum
from bigram.tokenizers import Tokenizer, check_tokenizer, from_json

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from bigram.counts import BigramCounts

__all__ = [
    "read_npz",
    "read_parquet",
    "read_tsv",
    "to_arrow",
    "to_pandas",
    "write_npz",
    "write_parquet",
    "write_tsv",
]

Ids = npt.NDArray[np.int64]

_MARK = "# bigram counts "
_COLUMNS = ("context", "next", "count")
_LINES_PER_BLOCK = 1 << 18


def _describe(counts: BigramCounts) -> str:
    tokenizer = counts.tokenizer
    description = {
        "vocab_size": counts.vocab_size,
        "tokenizer": None if tokenizer is None else tokenizer.to_json(),
    }
    return json.dumps(description)


def _understand(name: str, text: str | bytes) -> tuple[int, Tokenizer | None]:
    try:
        description = json.loads(text)
        tokenizer = description["tokenizer"]
        size = check_index(description["vocab_size"], "vocab_size", 1, MAX_VOCAB_SIZE)
        return size, None if tokenizer is None else from_json(tokenizer)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name}: damaged description of the counts: {error}") from None


def _collect(
    name: str,
    blocks: Iterable[tuple[Ids, Ids, Ids]],
    vocab_size: int | None,
    tokenizer: Tokenizer | None,
) -> BigramCounts:
    """Add up pairs in any order; without a vocabulary size, the largest id gives it."""
    from scipy.sparse import coo_array

    from bigram.counts import BigramCounts

    held = list(blocks) if vocab_size is None else blocks
    if vocab_size is None:
        sizes = [max(int(c.max()), int(n.max())) + 1 for c, n, _ in held if len(c)]
        vocab_size = min(max([1, *sizes]), MAX_VOCAB_SIZE)
    total, pairs_read = RunningSum(), 0
    for contexts, nexts, values in held:
        for column, array in (("context", contexts), ("next", nexts)):
            bad = np.flatnonzero((array < 0) | (array >= vocab_size))
            if len(bad):
                raise ValueError(f"{name}: {column} {array[bad[0]]} is outside [0, {vocab_size})")
        if len(values) and values.min() < 0:
            raise ValueError(f"{name}: count {values.min()} must not be negative")
        pairs_read += exact_sum(values)
        check_total(pairs_read, f"{name}: the counts")
        part = coo_array((values, (contexts, nexts)), shape=(vocab_size, vocab_size)).tocsr()
        part.sum_duplicates()
        total.add(part)
    matrix = total.total()
    matrix = empty_sparse(vocab_size) if matrix is None else matrix
    return BigramCounts.trusted(matrix, tokenizer, layout="auto")


# ---- tab-separated values


def write_tsv(counts: BigramCounts, path: Path) -> None:
    """Write a comment line, the columns' names, and a line for each pair: see `BigramCounts`."""
    tokenizer = counts.tokenizer
    symbols = None
    if tokenizer is not None:
        symbols = [_escaped(symbol) for symbol in tokenizer.vocab]
    with atomic_write(path) as file:
        head = f"{_MARK}{_describe(counts)}\n" + "\t".join(_COLUMNS) + "\n"
        file.write(head.encode())
        for block in counts.pairs():
            for start in range(0, len(block[0]), _LINES_PER_BLOCK):
                part = (column[start : start + _LINES_PER_BLOCK].tolist() for column in block)
                contexts, nexts, values = part
                if symbols is not None:
                    contexts = [symbols[i] for i in contexts]
                    nexts = [symbols[j] for j in nexts]
                rows = map("%s\t%s\t%d\n".__mod__, zip(contexts, nexts, values, strict=True))
                file.write("".join(rows).encode())


def _escaped(symbol: str) -> str:
    """Return a symbol as JSON writes it, without quotes: no tab or newline is left in it."""
    plain = json.dumps(symbol, ensure_ascii=False)[1:-1].replace('\\"', '"')
    return plain.encode("utf-8", "backslashreplace").decode()


def read_tsv(
    path: Path, *, tokenizer: Tokenizer | None = None, vocab_size: int | None = None
) -> BigramCounts:
    """Read counts from lines of context, next and count, in any order; equal pairs add up."""
    check_tokenizer(tokenizer)
    vocab_size = None if vocab_size is None else check_vocab_size(vocab_size)
    name = os.fspath(path)
    with open(name, encoding="utf-8", newline="\n") as file:
        try:
            place, number = 0, 0
            line = file.readline()
            if line.startswith(_MARK):
                vocab_size, found = _understand(name, line[len(_MARK) :])
                tokenizer = found if tokenizer is None else tokenizer
                place, number = file.tell(), 1
                line = file.readline()
            if tuple(line.rstrip("\r\n").split("\t")) == _COLUMNS:
                number += 1
            else:
                file.seek(place)
            if tokenizer is not None:
                vocab_size = tokenizer.vocab_size
            blocks = _tsv_blocks(name, file, number, tokenizer, vocab_size)
            return _collect(name, blocks, vocab_size, tokenizer)
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: not UTF-8: {error}") from None


def _tsv_blocks(
    name: str,
    lines: Iterable[str],
    number: int,
    tokenizer: Tokenizer | None,
    vocab_size: int | None,
) -> Iterator[tuple[Ids, Ids, Ids]]:
    ids: dict[str, int] | None = None
    if tokenizer is not None:
        ids = {_escaped(symbol): i for i, symbol in enumerate(tokenizer.vocab)}
    highest = MAX_VOCAB_SIZE if vocab_size is None else vocab_size
    rows: list[tuple[int, int, int]] = []
    for number, line in enumerate(lines, number + 1):  # noqa: B020
        try:
            context, following, value = line.rstrip("\r\n").split("\t")
            if ids is None:
                row = (_number(context), _number(following), _number(value))
            else:
                row = (ids[context], ids[following], _number(value))
        except ValueError:
            wanted = "context, next and count, numbers in plain digits"
            raise ValueError(f"{name}, line {number}: {line!r} is not {wanted}") from None
        except KeyError as error:
            raise ValueError(f"{name}, line {number}: {error} is not a symbol") from None
        rows.append(row)
        if len(rows) == _LINES_PER_BLOCK:
            yield _columns(f"{name}, line", number - len(rows) + 1, rows, highest)
            rows = []
    yield _columns(f"{name}, line", number - len(rows) + 1, rows, highest)


def _number(text: str) -> int:
    """Return the number; int() alone also takes spaces, signs, underscores and other digits."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def _columns(
    name: str, number: int, rows: list[tuple[int, int, int]], vocab_size: int
) -> tuple[Ids, Ids, Ids]:
    """Return the columns of lines from `number` on, all in range."""
    try:
        table = np.array(rows, np.int64).reshape(-1, 3)
        good = not len(rows) or int(table[:, :2].max()) < vocab_size
    except OverflowError:
        good = False
    if not good:
        for at, row in enumerate(rows, number):
            limits = (vocab_size, vocab_size, MAX_INT + 1)
            for column, value, limit in zip(_COLUMNS, row, limits, strict=True):
                if value >= limit:
                    raise ValueError(f"{name} {at}: {column} {value} is outside [0, {limit})")
    return table[:, 0], table[:, 1], table[:, 2]


# ---- Parquet


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError('Arrow and Parquet need pyarrow: pip install "bigram[parquet]"') from None
    return pyarrow


def _tables(counts: BigramCounts) -> Iterator[pa.Table]:
    """Yield Arrow tables: int32 ids and int64 counts, and the symbols where they are known."""
    pa = _pyarrow()
    tokenizer = counts.tokenizer
    symbols = None
    if tokenizer is not None:
        valid = [s.encode("utf-8", "backslashreplace").decode() for s in tokenizer.vocab]
        symbols = pa.array(valid, pa.string())
    metadata = {"bigram": _describe(counts)}
    for contexts, nexts, values in counts.pairs():
        ids = [pa.array(column.astype(np.int32)) for column in (contexts, nexts)]
        columns = dict(zip(_COLUMNS, [*ids, pa.array(values)], strict=True))
        if symbols is not None:
            for column, array in zip(_COLUMNS, ids, strict=False):
                columns[f"{column}_symbol"] = pa.DictionaryArray.from_arrays(array, symbols)
        yield pa.table(columns, metadata=metadata)


def to_arrow(counts: BigramCounts) -> pa.Table:
    """Return all pairs as an Arrow table: see `BigramCounts.to_arrow`."""
    return _pyarrow().concat_tables(_tables(counts))


def to_pandas(counts: BigramCounts) -> pd.DataFrame:
    """Return all pairs as a data frame: see `BigramCounts.to_pandas`."""
    try:
        import pandas as pd
    except ImportError:
        raise ImportError('data frames need pandas: pip install "bigram[pandas]"') from None
    contexts, nexts, values = (
        np.concatenate(columns) for columns in zip(*counts.pairs(), strict=True)
    )
    ids = {"context": contexts.astype(np.int32), "next": nexts.astype(np.int32)}
    columns: dict[str, Any] = {**ids, "count": values}
    if counts.tokenizer is not None:
        vocab = pd.Index(counts.tokenizer.vocab)
        for column, array in ids.items():
            columns[f"{column}_symbol"] = pd.Categorical.from_codes(array, vocab)
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame


def write_parquet(counts: BigramCounts, path: Path) -> None:
    """Write all pairs to a Parquet file, block by block."""
    _pyarrow()
    from pyarrow.parquet import ParquetWriter

    with atomic_write(path) as file:
        writer = None
        for table in _tables(counts):
            writer = ParquetWriter(file, table.schema) if writer is None else writer
            writer.write_table(table)
        assert writer is not None
        writer.close()


def read_parquet(path: Path, *, vocab_size: int | None = None) -> BigramCounts:
    """Read counts from the columns context, next and count (ids) of a Parquet file."""
    pa = _pyarrow()
    from pyarrow.parquet import ParquetFile

    name, tokenizer = os.fspath(path), None
    vocab_size = None if vocab_size is None else check_vocab_size(vocab_size)
    try:
        with open(name, "rb") as handle, ParquetFile(handle) as file:
            description = (file.schema_arrow.metadata or {}).get(b"bigram")
            if description is not None:
                vocab_size, tokenizer = _understand(name, description)
            return _collect(name, _parquet_blocks(name, file), vocab_size, tokenizer)
    except (pa.ArrowException, KeyError) as error:
        raise ValueError(f"{name}: not Parquet, damaged, or without counts: {error}") from None


def _parquet_blocks(name: str, file: Any) -> Iterator[tuple[Ids, Ids, Ids]]:
    import pyarrow as pa

    for column in _COLUMNS:
        kind = file.schema_arrow.field(column).type
        if not pa.types.is_integer(kind):
            raise ValueError(f"{name}: column {column} is {kind}, wanted integers")
    for batch in file.iter_batches(_LINES_PER_BLOCK, columns=list(_COLUMNS)):
        for column in _COLUMNS:
            if batch.column(column).null_count:
                raise ValueError(f"{name}: column {column} has nulls, wanted integers")
        columns = [batch.column(c).cast(pa.int64()).to_numpy() for c in _COLUMNS]
        yield columns[0], columns[1], columns[2]


# ---- SciPy's npz


def write_npz(counts: BigramCounts, path: Path) -> None:
    """Write a file that ``scipy.sparse.load_npz`` reads, with the tokenizer beside the matrix."""
    matrix = counts.to_scipy()
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            format=np.array(b"csr"),
            _is_array=np.array(True),
            shape=np.array(matrix.shape),
            data=matrix.data,
            indices=matrix.indices,
            indptr=matrix.indptr,
            bigram=np.frombuffer(_describe(counts).encode(), np.uint8),
        )


def read_npz(path: Path) -> BigramCounts:
    """Read a square matrix of counts that ``scipy.sparse.save_npz`` or `write_npz` wrote."""
    from scipy.sparse import load_npz

    from bigram.counts import BigramCounts

    name, tokenizer = os.fspath(path), None
    try:
        with open(name, "rb") as file:
            with np.load(file, allow_pickle=False) as content:
                if "bigram" in content:
                    _, tokenizer = _understand(name, content["bigram"].tobytes())
            file.seek(0)
            matrix: Any = load_npz(file)
        counts = BigramCounts(matrix, tokenizer)
    except (
        AttributeError,
        EOFError,
        KeyError,
        OverflowError,
        RuntimeError,  # encryption, a compression, or a version of zip that does not exist
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"{name}: not an .npz of counts, or damaged: {error}") from None
    return BigramCounts.trusted(counts.to_scipy(), tokenizer, layout="auto")
