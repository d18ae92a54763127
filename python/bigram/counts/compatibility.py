"""Counts that a model is given: what they may be, and whether their ids are the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.matrix import sound
from bigram.tokenizers.protocol import check_tokenizer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import sparray, spmatrix

    from bigram.tokenizers.protocol import Tokenizer

__all__ = ["as_counts", "check_same_ids"]


def as_counts(
    counts: BigramCounts | ArrayLike | sparray | spmatrix, tokenizer: Tokenizer | None
) -> tuple[BigramCounts, Tokenizer | None]:
    """Return counts, or a matrix as counts, and their tokenizer unless another one is given.

    Raises
    ------
    ValueError
        If the tokenizer has another number of symbols than the counts.
    """
    if isinstance(counts, BigramCounts):
        sound(counts.matrix)
    else:
        counts = BigramCounts(counts, tokenizer)
    check_tokenizer(tokenizer)
    tokenizer = counts.tokenizer if tokenizer is None else tokenizer
    if tokenizer is not None and tokenizer.vocab_size != counts.vocab_size:
        raise ValueError(
            f"tokenizer has {tokenizer.vocab_size} symbols, counts have {counts.vocab_size}"
        )
    return counts, tokenizer


def check_same_ids(counts: BigramCounts, vocab_size: int, tokenizer: Tokenizer | None) -> None:
    """Raise ValueError where the ids of counts mean something else than those of a model."""
    if counts.vocab_size != vocab_size:
        raise ValueError(f"counts have {counts.vocab_size} symbols, the model has {vocab_size}")
    if counts.tokenizer is not None and tokenizer not in (None, counts.tokenizer):
        raise ValueError("counts were made with another tokenizer than the model's")
