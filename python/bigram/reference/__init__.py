"""Readable NumPy twins of the kernels: for tests, for benchmarks, and to read first.

A module here has the name of its kernel's in :mod:`bigram.kernels`, and a function the name and
the arguments of its kernel. Each does the plainest thing that is right, and checks nothing.
"""

from bigram.reference.arpa import format_ngrams, parse_ngram
from bigram.reference.backoff_rows import backoff_rows, backoff_top_k
from bigram.reference.backoff_sampling import (
    backoff_weights,
    prepare_backoff_sampler,
    sample_backoff_sequences,
)
from bigram.reference.backoff_scoring import (
    index_pairs,
    score_backoff_pairs,
    score_backoff_sequences,
)
from bigram.reference.characters import encode_characters
from bigram.reference.count_addition import add_counts
from bigram.reference.count_cross_entropy import count_cross_entropy_grad
from bigram.reference.counting import count_bigrams
from bigram.reference.cross_entropy import softmax_cross_entropy, softmax_cross_entropy_grad
from bigram.reference.embedding_cross_entropy import embedding_cross_entropy_grad
from bigram.reference.multinomial import multinomial
from bigram.reference.normalization import normalize_rows
from bigram.reference.optimizers import adamw_update, sgd_update
from bigram.reference.philox import philox
from bigram.reference.sample_sequences import prepare_sampler, sample_sequences
from bigram.reference.scoring import score_sequences
from bigram.reference.sparse_counting import count_bigrams_sparse
from bigram.reference.training import train_on_counts, train_on_windows
from bigram.reference.words import WordIndex

__all__ = [
    "WordIndex",
    "adamw_update",
    "add_counts",
    "backoff_rows",
    "backoff_top_k",
    "backoff_weights",
    "count_bigrams",
    "count_bigrams_sparse",
    "count_cross_entropy_grad",
    "embedding_cross_entropy_grad",
    "encode_characters",
    "format_ngrams",
    "index_pairs",
    "multinomial",
    "normalize_rows",
    "parse_ngram",
    "philox",
    "prepare_backoff_sampler",
    "prepare_sampler",
    "sample_backoff_sequences",
    "sample_sequences",
    "score_backoff_pairs",
    "score_backoff_sequences",
    "score_sequences",
    "sgd_update",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "train_on_counts",
    "train_on_windows",
]
