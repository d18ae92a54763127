"""Arrays in, arrays out: the validated functions over the compiled kernels."""

from bigram.kernels.backoff_scoring import (
    index_pairs,
    score_backoff_pairs,
    score_backoff_sequences,
)
from bigram.kernels.counting import count_bigrams
from bigram.kernels.normalization import normalize_rows

__all__ = [
    "count_bigrams",
    "index_pairs",
    "normalize_rows",
    "score_backoff_pairs",
    "score_backoff_sequences",
]
