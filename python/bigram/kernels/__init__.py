"""Arrays in, arrays out: functions that check their arguments and call the compiled kernels.

V is the vocabulary size. Every result is the same bits for any number of threads.
"""

from bigram.kernels.backoff_rows import backoff_rows, backoff_top_k
from bigram.kernels.backoff_sampling import prepare_backoff_sampler, sample_backoff_sequences
from bigram.kernels.backoff_scoring import index_pairs, score_backoff_pairs, score_backoff_sequences
from bigram.kernels.characters import encode_characters
from bigram.kernels.count_addition import add_counts
from bigram.kernels.count_cross_entropy import count_cross_entropy_grad
from bigram.kernels.counting import count_bigrams
from bigram.kernels.cross_entropy import softmax_cross_entropy, softmax_cross_entropy_grad
from bigram.kernels.embedding_cross_entropy import embedding_cross_entropy_grad
from bigram.kernels.multinomial import multinomial
from bigram.kernels.normalization import normalize_rows
from bigram.kernels.optimizers import adamw_update, sgd_update
from bigram.kernels.sample_sequences import prepare_sampler, sample_sequences
from bigram.kernels.scoring import score_sequences
from bigram.kernels.sparse_counting import count_bigrams_sparse
from bigram.kernels.words import WordIndex

__all__ = [
    "WordIndex",
    "adamw_update",
    "add_counts",
    "backoff_rows",
    "backoff_top_k",
    "count_bigrams",
    "count_bigrams_sparse",
    "count_cross_entropy_grad",
    "embedding_cross_entropy_grad",
    "encode_characters",
    "index_pairs",
    "multinomial",
    "normalize_rows",
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
]
