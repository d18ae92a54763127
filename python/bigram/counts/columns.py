"""Counts as columns of contexts, next ids and counts, and the metadata beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np

from bigram.common.checks import MAX_VOCAB_SIZE, check_index
from bigram.common.types import Column, Csr
from bigram.counts.matrix import check_total, empty_sparse, exact_sum
from bigram.counts.running_sum import RunningSum
from bigram.tokenizers.description import from_json
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["COLUMNS", "LINES_PER_BLOCK", "collect", "metadata", "parse_metadata"]


COLUMNS = ("context", "next", "count")


LINES_PER_BLOCK = 1 << 18


def metadata(vocab_size: int, tokenizer: Tokenizer | None) -> str:
    """Return what a file of counts says of itself, as JSON."""
    description = {
        "vocab_size": vocab_size,
        "tokenizer": None if tokenizer is None else tokenizer.to_json(),
    }
    return json.dumps(description)


def parse_metadata(name: str, text: str | bytes) -> tuple[int, Tokenizer | None]:
    """Return vocabulary size and tokenizer that `metadata` wrote to the file `name`."""
    try:
        description = json.loads(text)
        tokenizer = description["tokenizer"]
        size = check_index(description["vocab_size"], "vocab_size", 1, MAX_VOCAB_SIZE)
        return size, None if tokenizer is None else from_json(tokenizer)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name}: damaged description of the counts: {error}") from None


def collect(
    name: str,
    blocks: Iterable[tuple[Column, Column, Column]],
    vocab_size: int | None,
) -> Csr:
    """Add up pairs in any order; without a vocabulary size, the largest id gives it."""
    from scipy.sparse import coo_array

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
            raise ValueError(f"{name}: count = {values.min()}, wanted a count >= 0")
        pairs_read += exact_sum(values)
        check_total(pairs_read, f"{name}: the counts")
        part = coo_array((values, (contexts, nexts)), shape=(vocab_size, vocab_size)).tocsr()
        part.sum_duplicates()
        total.add(part)
    matrix = total.total()
    return empty_sparse(vocab_size) if matrix is None else matrix
