"""Adding up counts in memory and in files, of any number and size."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from bigram.common.checks import bad_kind
from bigram.common.progress import progress as progress_bar
from bigram.common.types import Csr, Dense, StrPath
from bigram.counts.matrix import DENSE_LIMIT, as_dense, check_total, sound
from bigram.counts.row_files import map_counts, open_rows, write_sparse
from bigram.counts.rows import Rows, assemble, merged_blocks, rows_of
from bigram.storage.atomic import check_writable
from bigram.tokenizers.description import from_json
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["merge", "tokenizer_of_sum"]


class Counts(Protocol):
    """Counts in memory that can be added up."""

    @property
    def matrix(self) -> Dense | Csr:
        """The counts, shape (V, V)."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What the ids mean."""

    @property
    def total(self) -> int:
        """Number of pairs counted."""


def merge(
    items: Sequence[Counts | StrPath], *, out: StrPath | None, progress: bool
) -> tuple[Dense | Csr, Tokenizer | None]:
    """Add up counts and files of counts: see `BigramCounts.merge`.

    A sparse sum is written to `out` here, block by block, and comes back memory-mapped; a dense one
    fits into memory and is left to the caller.
    """
    if not items:
        raise ValueError("counts_or_paths is empty, wanted counts or paths of counts")
    if out is not None:
        check_writable(out)
    sources, tokenizer = _sources(items)
    vocab_size = sources[0].vocab_size
    bound = sum(source.max_pairs for source in sources)
    blocks = _shown(merged_blocks(sources), vocab_size, progress)
    if out is None or vocab_size <= DENSE_LIMIT:
        total = assemble(blocks, vocab_size, bound)
        return as_dense(total) if vocab_size <= DENSE_LIMIT else total, tokenizer
    description = None if tokenizer is None else tokenizer.to_json()
    write_sparse(out, blocks, vocab_size, bound, {"tokenizer": description})
    return map_counts(out), tokenizer


def _shown(blocks: Iterator[Csr], vocab_size: int, progress: bool) -> Iterator[Csr]:
    """Yield the blocks, with a progress bar of rows."""
    with progress_bar("merging", total=vocab_size, enabled=progress, unit="row") as bar:
        for block in blocks:
            yield block
            bar.update(block.shape[0])


def _sources(items: Sequence[Any]) -> tuple[list[Rows], Tokenizer | None]:
    sources: list[Rows] = []
    tokenizer: Tokenizer | None = None
    total = 0
    for index, item in enumerate(items):
        if isinstance(item, (str, os.PathLike)):
            rows, header = open_rows(item)
            description = header.get("tokenizer")
            found = None if description is None else from_json(description)
            total += header["total"]
        elif hasattr(item, "matrix") and hasattr(item, "total"):
            rows, found, total = rows_of(sound(item.matrix)), item.tokenizer, total + item.total
        else:
            raise bad_kind(item, f"counts_or_paths[{index}]", "BigramCounts or a path")
        if found is not None and found.vocab_size != rows.vocab_size:
            raise ValueError(f"{os.fspath(item)}: damaged: its tokenizer has other ids")
        if sources and rows.vocab_size != sources[0].vocab_size:
            first = sources[0].vocab_size
            raise ValueError(f"counts over {first} and {rows.vocab_size} ids cannot be added")
        tokenizer = _common_tokenizer(tokenizer, found)
        sources.append(rows)
    check_total(total)
    return sources, tokenizer


def tokenizer_of_sum(first: Counts, second: Counts) -> Tokenizer | None:
    """Return the tokenizer of the sum; ValueError for counts that cannot be added."""
    sizes = int(first.matrix.shape[0]), int(second.matrix.shape[0])
    if sizes[0] != sizes[1]:
        raise ValueError(f"counts over {sizes[0]} and {sizes[1]} ids cannot be added")
    check_total(first.total + second.total)
    return _common_tokenizer(first.tokenizer, second.tokenizer)


def _common_tokenizer(first: Tokenizer | None, second: Tokenizer | None) -> Tokenizer | None:
    """Return the tokenizer of a sum; ValueError if the ids of its parts mean different things."""
    if first is not None and second is not None and first != second:
        raise ValueError("counts of different tokenizers cannot be added: their ids differ")
    return second if first is None else first
