"""Adding up counts in memory and in files, of any number and size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bigram.count_matrix import DENSE_LIMIT
from bigram.files import Path, check_place
from bigram.kernels._csr import Csr
from bigram.progress import progress as progress_bar
from bigram.sparse import Rows, assemble, check_total, merged_blocks, rows_of
from bigram.sparse_files import map_counts, open_rows, write_sparse
from bigram.tokenizers import Tokenizer, from_json

if TYPE_CHECKING:
    from bigram.counts import BigramCounts

__all__ = ["common_tokenizer", "merge"]


def merge(
    *counts_or_paths: BigramCounts | Path, out: Path | None = None, progress: bool = False
) -> BigramCounts:
    """Add up counts, in memory or in files, a few million pairs at a time.

    Parameters
    ----------
    *counts_or_paths : BigramCounts, or path of a file that ``BigramCounts.save`` wrote
        At least one; all over the same ids.
    out : path, optional
        File for the sum, which then need not fit into memory. It may be one of the inputs.
    progress : bool
        Show a progress bar.

    Returns
    -------
    BigramCounts
        The sum: dense up to 4,096 ids, else sparse; with `out`, memory-mapped from that file.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    TypeError
        If an argument is neither counts nor a path.
    ValueError
        If there is nothing to add, a file is damaged, or the ids differ.

    Examples
    --------
    >>> import bigram
    >>> a = bigram.count(["emma"])
    >>> bigram.merge(a, a, a).total
    15
    """
    from bigram.counts import BigramCounts

    if not counts_or_paths:
        raise ValueError("nothing to merge: pass counts or paths of counts")
    if out is not None:
        check_place(out)
    sources, tokenizer = _sources(counts_or_paths)
    vocab_size = sources[0].vocab_size
    bound = sum(source.max_pairs for source in sources)
    blocks = _shown(merged_blocks(sources), vocab_size, progress)
    if out is not None and vocab_size > DENSE_LIMIT:
        description = None if tokenizer is None else tokenizer.to_json()
        write_sparse(out, blocks, vocab_size, bound, {"tokenizer": description})
        return BigramCounts.trusted(map_counts(out), tokenizer)
    result = BigramCounts.trusted(assemble(blocks, vocab_size, bound), tokenizer, layout="auto")
    if out is not None:
        result.save(out)
    return result


def _shown(blocks: Iterator[Csr], vocab_size: int, progress: bool) -> Iterator[Csr]:
    """Yield the blocks, with a progress bar of rows."""
    with progress_bar("merging", total=vocab_size, enabled=progress, unit="row") as bar:
        for block in blocks:
            yield block
            bar.update(block.shape[0])


def _sources(items: tuple[Any, ...]) -> tuple[list[Rows], Tokenizer | None]:
    from bigram.counts import BigramCounts

    sources: list[Rows] = []
    tokenizer: Tokenizer | None = None
    total = 0
    for index, item in enumerate(items):
        if isinstance(item, BigramCounts):
            rows, found, total = rows_of(item.matrix), item.tokenizer, total + item.total
        elif isinstance(item, (str, os.PathLike)):
            rows, header = open_rows(item)
            description = header.get("tokenizer")
            found = None if description is None else from_json(description)
            total += header["total"]
        else:
            kind = type(item).__name__
            raise TypeError(f"counts_or_paths[{index}] is {kind}, wanted BigramCounts or a path")
        if found is not None and found.vocab_size != rows.vocab_size:
            raise ValueError(f"{os.fspath(item)}: damaged: its tokenizer has other ids")
        if sources and rows.vocab_size != sources[0].vocab_size:
            first = sources[0].vocab_size
            raise ValueError(f"counts over {first} and {rows.vocab_size} ids cannot be added")
        tokenizer = common_tokenizer(tokenizer, found)
        sources.append(rows)
    check_total(total)
    return sources, tokenizer


def common_tokenizer(first: Tokenizer | None, second: Tokenizer | None) -> Tokenizer | None:
    """Return the tokenizer of a sum; ValueError if the ids of its parts mean different things."""
    if first is not None and second is not None and first != second:
        raise ValueError("counts of different tokenizers cannot be added: their ids differ")
    return second if first is None else first
