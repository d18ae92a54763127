"""What may be trained on, as the two things that the loop knows: counts, or a token stream."""

from __future__ import annotations

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

__all__ = ["prepare"]


def prepare(
    corpus: Any, vocab_size: int, tokenizer: Tokenizer | None, options: TrainingOptions
) -> tuple[BigramCounts | TokenStream, BigramCounts | TokenStream | None]:
    """Return the data to train on and those to validate on, streams where the options need them."""
    fraction = isinstance(options.validation, (int, float))
    needs_stream = options.batch_size is not None or (fraction and options.validates)
    data = _read(corpus, vocab_size, tokenizer, needs_stream, options.progress)
    if not options.validates:
        return data, None
    if not fraction:
        return data, _read(options.validation, vocab_size, tokenizer, False, options.progress)
    if not isinstance(data, TokenStream):
        raise ValueError("validation as a fraction needs a token stream; pass data of its own")
    return data.split(options.validation)


def _read(
    corpus: Any,
    vocab_size: int,
    tokenizer: Tokenizer | None,
    needs_stream: bool,
    progress: bool,
) -> BigramCounts | TokenStream:
    """Return a corpus as counts, or as a stream where that is needed or nearer."""
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
