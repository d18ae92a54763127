"""Counts as tab-separated values.

The file keeps the vocabulary size and the tokenizer, so what is written is read back as it was.
Files of other programs need only the columns context, next and count, with token ids.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

import numpy as np

from bigram.common.checks import MAX_INT, MAX_VOCAB_SIZE, check_vocab_size
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
from bigram.tokenizers.protocol import Tokenizer, check_tokenizer

__all__ = ["read_tsv", "write_tsv"]


_MARK = "# bigram counts "


def write_tsv(matrix: Dense | Csr, tokenizer: Tokenizer | None, path: StrPath) -> None:
    """Write a comment line, the columns' names, and a line for each pair: see `BigramCounts`."""
    symbols = None
    if tokenizer is not None:
        symbols = [_escaped(symbol) for symbol in tokenizer.vocab]
    with atomic_write(path) as file:
        head = f"{_MARK}{describe(matrix, tokenizer)}\n" + "\t".join(COLUMNS) + "\n"
        file.write(head.encode())
        for block in pairs_of(matrix):
            for start in range(0, len(block[0]), LINES_PER_BLOCK):
                part = (column[start : start + LINES_PER_BLOCK].tolist() for column in block)
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
    path: StrPath, *, tokenizer: Tokenizer | None = None, vocab_size: int | None = None
) -> tuple[Csr, Tokenizer | None]:
    """Read counts from lines of context, next and count, in any order; equal pairs add up."""
    check_tokenizer(tokenizer)
    given = vocab_size = None if vocab_size is None else check_vocab_size(vocab_size)
    name, expected = os.fspath(path), None
    with open(name, encoding="utf-8-sig", newline="\n") as file:
        num_bytes = os.fstat(file.fileno()).st_size
        try:
            place, number = 0, 0
            line = file.readline()
            if line.startswith(_MARK):
                expected = parse_metadata(name, line[len(_MARK) :])
                vocab_size = expected.vocab_size
                if tokenizer is None:
                    tokenizer = expected.tokenizer
                elif tokenizer != expected.tokenizer:
                    expected = None  # of other ids
                place, number = file.tell(), 1
                line = file.readline()
            if tuple(line.rstrip("\r\n").split("\t")) == COLUMNS:
                number += 1
            else:
                file.seek(place)
            if tokenizer is not None:
                vocab_size = tokenizer.vocab_size
            blocks = _tsv_blocks(name, file, number, tokenizer, vocab_size)
            matrix = collect(
                name, blocks, vocab_size, num_bytes=num_bytes, given=given, expected=expected
            )
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: not UTF-8: {error}") from None
    return matrix, tokenizer


def _tsv_blocks(
    name: str,
    lines: Iterable[str],
    number: int,
    tokenizer: Tokenizer | None,
    vocab_size: int | None,
) -> Iterator[tuple[Column, Column, Column]]:
    ids: dict[str, int] | None = None
    if tokenizer is not None:
        ids = {_escaped(symbol): i for i, symbol in enumerate(tokenizer.vocab)}
    highest = MAX_VOCAB_SIZE if vocab_size is None else vocab_size
    rows: list[tuple[int, int, int]] = []
    for line in lines:
        number += 1
        try:
            context, following, value = line.rstrip("\r\n").split("\t")
            if ids is None:
                row = (_number(context), _number(following), _number(value))
            else:
                row = (ids[context], ids[following], _number(value))
        except ValueError:
            wanted = "context, next and count, numbers in plain digits"
            shown = line if len(line) <= 60 else line[:57] + "..."
            raise ValueError(f"{name}, line {number}: {shown!r} is not {wanted}") from None
        except KeyError as error:
            raise ValueError(f"{name}, line {number}: {error} is not a symbol") from None
        rows.append(row)
        if len(rows) == LINES_PER_BLOCK:
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
) -> tuple[Column, Column, Column]:
    """Return the columns of lines from `number` on, all in range."""
    limits = (vocab_size, vocab_size, MAX_INT + 1)

    def outside() -> ValueError:
        at, column, value, limit = next(
            (at, *entry)
            for at, row in enumerate(rows, number)
            for entry in zip(COLUMNS, row, limits, strict=True)
            if entry[1] >= entry[2]
        )
        return ValueError(f"{name} {at}: {column} {value} is outside [0, {limit})")

    try:
        table = np.array(rows, np.int64).reshape(-1, 3)
    except OverflowError:
        raise outside() from None
    if len(rows) and int(table[:, :2].max()) >= vocab_size:
        raise outside()
    return table[:, 0], table[:, 1], table[:, 2]
