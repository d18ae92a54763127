"""Count a corpus in the way that suits its tokenizer, layout and size."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

from bigram.common.checks import check_index
from bigram.common.types import Csr, Dense, StrPath
from bigram.corpus.corpus import Corpus, as_corpus
from bigram.corpus.source import is_running_text
from bigram.counting.characters import (
    characters_of,
    count_bytes,
    count_characters,
    count_given_characters,
)
from bigram.counting.stream import CountStream
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.matrix import DENSE_LIMIT, is_dense_layout
from bigram.storage.atomic import check_writable
from bigram.storage.container import open_arrays
from bigram.tokenizers.default import default_tokenizer
from bigram.tokenizers.description import from_json
from bigram.tokenizers.encoding import encode_corpus
from bigram.tokenizers.protocol import Tokenizer, check_tokenizer, granularity

__all__ = ["count"]


def count(
    corpus: Corpus | Iterable[str],
    tokenizer: Tokenizer | None = None,
    *,
    layout: str = "auto",
    memory_limit: int | None = None,
    resume: StrPath | None = None,
    out: StrPath | None = None,
    progress: bool = False,
) -> BigramCounts:
    r"""Count the bigrams of a corpus.

    Parameters
    ----------
    corpus : Corpus or iterable of str
        Read once, block by block.
    tokenizer : Tokenizer, optional
        None builds a `CharTokenizer` of all characters that occur. Its boundary is ``"."``, or
        ``"\n"`` where that occurs, or otherwise ``"\x00"``; for `Corpus.text` it has none.
    layout : {"auto", "dense", "sparse"}
        How the counts are stored: "auto" is dense up to 4,096 ids.
    memory_limit : int, optional
        Bytes of memory for sparse counts and the chunk that is being counted. Counts beyond it are
        written to disk, and the result is memory-mapped.
    resume : path, optional
        Checkpoint file. If it exists, counting resumes from it; it is kept up to date, and removed
        at the end. To resume a count that was killed, call again with the same arguments.
    out : path, optional
        File for the counts, as `BigramCounts.save` writes it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    BigramCounts

    Raises
    ------
    OSError
        If a file cannot be read or written.
    ValueError
        If a text cannot be encoded (the error says which and where), or the checkpoint belongs to
        another corpus, tokenizer or layout.

    Examples
    --------
    >>> import bigram
    >>> counts = bigram.count(["ab", "b"])
    >>> counts.tokenizer.vocab
    ('.', 'a', 'b')
    >>> counts.matrix
    array([[0, 1, 1],
           [0, 0, 1],
           [2, 0, 0]])
    """
    dense_limit = _checked_limit(layout, memory_limit)
    check_tokenizer(tokenizer)
    source = as_corpus(corpus)
    _check_writable(resume, out)
    if resume is None:
        found = _count_symbols(source, tokenizer, progress)
        if found is not None:
            counts = BigramCounts._from_checked(*found, layout=layout)
            if out is not None:
                counts.save(out)
            return counts
    elif tokenizer is None and source.vocab_size is None:
        tokenizer = _vocabulary(source, resume)
    vocab_size = source.vocab_size if tokenizer is None else tokenizer.vocab_size
    assert vocab_size is not None
    stream = CountStream(
        vocab_size,
        dense=(dense := is_dense_layout(layout, vocab_size, dense_limit)),
        memory_limit=memory_limit,
        resume=resume,
        header={"tokenizer": None if tokenizer is None else tokenizer.to_json()},
    )
    with stream:
        stream.feed(encode_corpus(source, tokenizer, progress=progress))
        counts = BigramCounts._from_checked(stream.result(out), tokenizer)
        if dense and out is not None:
            counts.save(out)
    return counts


def _checked_limit(layout: str, memory_limit: int | None) -> int:
    """Return the largest vocabulary whose counts are dense."""
    is_dense_layout(layout, 1)
    if memory_limit is None:
        return DENSE_LIMIT
    return min(DENSE_LIMIT, math.isqrt(check_index(memory_limit, "memory_limit", 1) // 8))


def _check_writable(resume: StrPath | None, out: StrPath | None) -> None:
    """Check both files now, not after hours of counting."""
    for path in (resume, out):
        if path is not None:
            check_writable(path)
    places = {os.path.realpath(path) for path in (resume, out) if path is not None}
    if resume is not None and out is not None and len(places) == 1:
        raise ValueError(f"resume = {os.fspath(out)!r}, wanted another file than out")


def _count_symbols(
    corpus: Corpus, tokenizer: Tokenizer | None, progress: bool
) -> tuple[Dense | Csr, Tokenizer] | None:
    """Count characters or bytes without making ids; None where ids are needed."""
    if tokenizer is None:
        return None if corpus.vocab_size is not None else count_characters(corpus, progress)
    token_is = granularity(tokenizer)
    counts: Dense | Csr | None = None
    if token_is == "character":
        counts = count_given_characters(corpus, tokenizer, progress)
    elif token_is == "byte":
        counts = count_bytes(corpus, tokenizer, progress)
    return None if counts is None else (counts, tokenizer)


def _vocabulary(corpus: Corpus, resume: StrPath) -> Tokenizer:
    """Return the tokenizer of a checkpoint, or the default one if there is no checkpoint yet."""
    if os.path.exists(resume):
        _, _, header = open_arrays(resume, kind="checkpoint")
        return from_json(header["header"]["tokenizer"])
    if not corpus.source.can_be_read_again:
        raise ValueError("tokenizer is None, wanted one to resume a count of texts read only once")
    running_text = is_running_text(corpus.source)
    return default_tokenizer(characters_of(corpus), running_text=running_text)
