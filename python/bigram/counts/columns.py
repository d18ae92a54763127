"""Counts as columns of contexts, next ids and counts, and the metadata beside them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bigram.common.checks import MAX_VOCAB_SIZE, check_index
from bigram.common.types import Column, Csr, Dense
from bigram.counts.matrix import check_total, empty_sparse, exact_sum
from bigram.counts.rows import pairs_of
from bigram.counts.running_sum import RunningSum
from bigram.storage.stored_array import as_hex
from bigram.tokenizers.description import from_json
from bigram.tokenizers.protocol import Tokenizer

__all__ = [
    "COLUMNS",
    "LINES_PER_BLOCK",
    "Description",
    "collect",
    "describe",
    "is_far_too_large",
    "metadata",
    "parse_metadata",
]


COLUMNS = ("context", "next", "count")


LINES_PER_BLOCK = 1 << 18

# Rows that a file may have whatever its size, and for each of its bytes.
_FREE_ROWS, _ROWS_PER_BYTE = 1 << 21, 8


@dataclass(frozen=True)
class Description:
    """What a file of counts says of itself."""

    vocab_size: int
    tokenizer: Tokenizer | None
    total: int | None = None  # None in files of version 0.1, and so is the checksum
    crc32: str | None = None

    def start(self) -> int:
        """Return the checksum of the description, with which that of the pairs begins."""
        tokenizer = None if self.tokenizer is None else self.tokenizer.to_json()
        return zlib.crc32(json.dumps([self.vocab_size, tokenizer, self.total]).encode())


def describe(matrix: Dense | Csr, tokenizer: Tokenizer | None) -> str:
    """Return a description with total and checksum, as JSON; it reads all pairs once."""
    total = int((matrix if isinstance(matrix, np.ndarray) else matrix.data).sum())
    description = Description(int(matrix.shape[0]), tokenizer, total)
    crc = description.start()
    for block in pairs_of(matrix):
        crc = _add_to(crc, *block)
    fields = json.loads(metadata(description.vocab_size, tokenizer))
    return json.dumps({**fields, "total": total, "crc32": as_hex(crc)})


def _add_to(crc: int, *columns: Column) -> int:
    """Return the checksum with more pairs: pair by pair, however they are cut into blocks."""
    return zlib.crc32(np.stack(columns, axis=1).astype("<i8", copy=False).data, crc)


def metadata(vocab_size: int, tokenizer: Tokenizer | None) -> str:
    """Return vocabulary size and tokenizer as JSON."""
    description = {
        "vocab_size": vocab_size,
        "tokenizer": None if tokenizer is None else tokenizer.to_json(),
    }
    return json.dumps(description)


def parse_metadata(name: str, text: str | bytes) -> Description:
    """Return what `describe` or `metadata` wrote to the file `name`."""
    try:
        fields = json.loads(text)
        tokenizer = fields["tokenizer"]
        tokenizer = None if tokenizer is None else from_json(tokenizer)
        size = check_index(fields["vocab_size"], "vocab_size", 1, MAX_VOCAB_SIZE)
        if set(fields) == {"vocab_size", "tokenizer"}:
            return Description(size, tokenizer)
        if set(fields) != {"vocab_size", "tokenizer", "total", "crc32"}:
            raise ValueError(f"it has {', '.join(map(repr, fields))}")
        total = check_index(fields["total"], "total", 0)
        return Description(size, tokenizer, total, str(fields["crc32"]))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name}: damaged description of the counts: {error}") from None


def is_far_too_large(vocab_size: int, num_bytes: int) -> bool:
    """Return whether there are far more ids than a file of `num_bytes` can hold.

    A row without pairs takes 4 bytes of memory, and none in a file.
    """
    return vocab_size > _FREE_ROWS + _ROWS_PER_BYTE * num_bytes


def collect(
    name: str,
    blocks: Iterable[tuple[Column, Column, Column]],
    vocab_size: int | None,
    *,
    num_bytes: int,
    given: int | None = None,
    expected: Description | None = None,
) -> Csr:
    """Add up pairs in any order; without a vocabulary size, the largest id gives it.

    `num_bytes` is the size of the file, `given` the size that the caller asked for. What is
    `expected` is checked.
    """
    from scipy.sparse import coo_array

    held = list(blocks) if vocab_size is None else blocks
    if vocab_size is None:
        sizes = [max(int(c.max()), int(n.max())) + 1 for c, n, _ in held if len(c)]
        vocab_size = min(max([1, *sizes]), MAX_VOCAB_SIZE)
    if given != vocab_size and is_far_too_large(vocab_size, num_bytes):
        raise ValueError(
            f"{name}: {vocab_size} ids are far more than its {num_bytes} bytes can hold, wanted "
            f"vocab_size={vocab_size} if they are meant"
        )
    crc = 0 if expected is None else expected.start()
    total, pairs_read = RunningSum(), 0
    for contexts, nexts, values in held:
        for column, array in (("context", contexts), ("next", nexts)):
            bad = np.flatnonzero((array < 0) | (array >= vocab_size))
            if len(bad):
                raise ValueError(f"{name}: {column} {array[bad[0]]} is outside [0, {vocab_size})")
        if len(values) and values.min() < 0:
            raise ValueError(f"{name}: count = {values.min()}, wanted a count >= 0")
        pairs_read += exact_sum(values)
        check_total(pairs_read, f"{name}: the counts")
        part = coo_array((values, (contexts, nexts)), shape=(vocab_size, vocab_size)).tocsr()
        part.sum_duplicates()
        total.add(part)
        crc = _add_to(crc, contexts, nexts, values)
    found = (pairs_read, as_hex(crc))
    if expected is not None and expected.crc32 and (expected.total, expected.crc32) != found:
        raise ValueError(f"{name}: damaged, or changed: the pairs differ from their checksum")
    matrix = total.total()
    return empty_sparse(vocab_size) if matrix is None else matrix
