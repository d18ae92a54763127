"""What may be trained on, in the form in which the loop takes it: counts, perhaps a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.corpus.corpus import Corpus, as_corpus
from bigram.counting.count import count
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.compatibility import check_same_ids
from bigram.training.token_stream import TokenStream

if TYPE_CHECKING:
    from bigram.tokenizers.protocol import Tokenizer
    from bigram.training.options import TrainingOptions

__all__ = ["TrainingData", "prepare"]


@dataclass(frozen=True)
class TrainingData:
    """The pairs to train or to validate on.

    Attributes
    ----------
    counts : BigramCounts
        Of all the pairs.
    stream : TokenStream or None
        The tokens that they come from; None where only counts were given.
    """

    counts: BigramCounts
    stream: TokenStream | None = None


def prepare(
    corpus: Any, vocab_size: int, tokenizer: Tokenizer | None, options: TrainingOptions
) -> tuple[TrainingData, TrainingData | None]:
    """Return the data to train on and those to validate on.

    Raises
    ------
    TypeError
        If a corpus is not of a kind that can be trained on.
    ValueError
        If its ids are not those of the model, it has no pair, or the options need a token stream
        and it has none.
    """

    def counted(source: BigramCounts | TokenStream) -> TrainingData:
        if isinstance(source, BigramCounts):
            return TrainingData(source)
        return TrainingData(source.counts(vocab_size, options.num_threads), source)

    is_fraction = isinstance(options.validation, (int, float))
    needs_stream = options.batch_size is not None or (is_fraction and options.validates)
    source = _read(corpus, vocab_size, tokenizer, needs_stream, options.progress)
    held_out: BigramCounts | TokenStream | None = None
    if options.validates and not is_fraction:
        held_out = _read(options.validation, vocab_size, tokenizer, False, options.progress)
    elif options.validates:
        if not isinstance(source, TokenStream):
            raise ValueError(
                f"validation = {options.validation} needs a token stream, and the corpus is counts;"
                " wanted 0 or data to validate on"
            )
        source, held_out = source.split(options.validation)
    data = counted(source)
    if data.counts.total == 0:
        raise ValueError("the corpus has no pair of tokens to train on")
    return data, None if held_out is None else counted(held_out)


def _read(
    corpus: Any,
    vocab_size: int,
    tokenizer: Tokenizer | None,
    needs_stream: bool,
    progress: bool,
) -> BigramCounts | TokenStream:
    """Return a corpus as counts, or as a stream where that is needed or costs less."""
    if (isinstance(corpus, np.ndarray) and corpus.ndim == 1) or _is_pair_of_arrays(corpus):
        return TokenStream.from_arrays(corpus)
    if isinstance(corpus, BigramCounts) or hasattr(corpus, "ndim"):
        counts = corpus if isinstance(corpus, BigramCounts) else BigramCounts(corpus)
        check_same_ids(counts, vocab_size, tokenizer)
        return counts
    has_ids = isinstance(corpus, Corpus)
    corpus = as_corpus(corpus)
    if tokenizer is None and not has_ids:
        raise ValueError("the model has no tokenizer: pass token ids, counts or Corpus.shards")
    if needs_stream:
        return TokenStream.from_corpus(corpus, tokenizer, progress=progress)
    counts = count(corpus, tokenizer, progress=progress)
    if counts.vocab_size != vocab_size:
        raise ValueError(f"the corpus has {counts.vocab_size} ids, the model has {vocab_size}")
    return counts


def _is_pair_of_arrays(corpus: Any) -> bool:
    """Tell `(tokens, offsets)` from a tuple of texts."""
    return isinstance(corpus, tuple) and len(corpus) == 2 and isinstance(corpus[0], np.ndarray)
