"""Arrays in, arrays out: the validated functions over the compiled kernels."""

from bigram.kernels.counting import count_bigrams
from bigram.kernels.normalization import normalize_rows

__all__ = ["count_bigrams", "normalize_rows"]
