"""What an ARPA file calls the ends of a sentence and unknown words, and how it writes zero."""

from __future__ import annotations

__all__ = ["BEGIN", "END", "UNKNOWN", "ZERO"]

# The boundary of a tokenizer is `BEGIN` as a context and `END` as a token.
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"

# The logarithm of zero, as written by SRILM and read as zero.
ZERO = -99.0
