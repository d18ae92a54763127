"""Arrays in, arrays out: the validated functions over the compiled kernels."""

from bigram.kernels.normalization import normalize_rows

__all__ = ["normalize_rows"]
