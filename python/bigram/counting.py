"""Counting a corpus: which way is taken for which tokenizer, layout and size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bigram.byte_tokenizer import ByteTokenizer
from bigram.char_counting import count_bytes, count_characters
from bigram.char_tokenizer import CharTokenizer
from bigram.corpus import Corpus, as_corpus, encode_corpus
from bigram.counts import BigramCounts
from bigram.kernels import count_bigrams
from bigram.tokenizers import Tokenizer

__all__ = ["count"]


def count(
    corpus: Corpus | Iterable[str],
    tokenizer: Tokenizer | None = None,
    *,
    layout: str = "auto",
    progress: bool = False,
) -> BigramCounts:
    r"""Count the bigrams of a corpus.

    Parameters
    ----------
    corpus : Corpus or iterable of str
        Read once, by blocks.
    tokenizer : Tokenizer, optional
        None builds a `CharTokenizer` of all characters met. Its boundary is ``"."``, or ``"\n"``
        where that occurs, or else ``"\x00"``; for `Corpus.text` it has none.
    layout : {"auto", "dense"}
        How the counts are kept.
    progress : bool
        Show a progress bar.

    Returns
    -------
    BigramCounts

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a text cannot be encoded; the error says which and where.

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
    if layout not in ("auto", "dense"):
        raise ValueError(f"layout = {layout!r}, wanted 'auto' or 'dense'")
    source = as_corpus(corpus)
    if isinstance(tokenizer, CharTokenizer) or (tokenizer is None and source.vocab_size is None):
        found = count_characters(source, tokenizer, progress)
        if found is not None:
            return BigramCounts(*found)
    if isinstance(tokenizer, ByteTokenizer):
        table = count_bytes(source, tokenizer, progress)
        if table is not None:
            return BigramCounts(table, tokenizer)
    vocab_size = source.vocab_size if tokenizer is None else tokenizer.vocab_size
    assert vocab_size is not None
    matrix = np.zeros((vocab_size, vocab_size), dtype=np.int64)
    for batch in encode_corpus(source, tokenizer, progress=progress):
        count_bigrams(batch.tokens, vocab_size, offsets=batch.offsets, out=matrix)
    return BigramCounts(matrix, tokenizer)
