"""Arrays in, arrays out: the validated functions over the compiled kernels."""

from bigram.kernels.backoff_scoring import (
    index_pairs,
    score_backoff_pairs,
    score_backoff_sequences,
)
from bigram.kernels.counting import count_bigrams
from bigram.kernels.normalization import normalize_rows
from bigram.kernels.sampling import multinomial, sample_sequences

__all__ = [
    "count_bigrams",
    "index_pairs",
    "multinomial",
    "normalize_rows",
    "sample_sequences",
    "score_backoff_pairs",
    "score_backoff_sequences",
]
