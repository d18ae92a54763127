"""What an ARPA file calls the ends of a sentence and unknown words, and how it writes zero."""

from __future__ import annotations

__all__ = ["BEGIN", "END", "NAMES", "UNKNOWN", "ZERO"]

# The boundary of a tokenizer is `BEGIN` as a context and `END` as a token.
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"

# The logarithm of zero, as written by SRILM and read as zero.
ZERO = -99.0

# How the names of files end that are read as ARPA; SRILM's are .lm.
NAMES = tuple(form + packed for form in (".arpa", ".lm") for packed in ("", ".gz", ".bz2", ".xz"))
