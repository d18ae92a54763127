"""Bigram counts: the matrix, sums, merging, and the formats of other programs."""
