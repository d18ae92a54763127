"""`TiktokenTokenizer`, for encodings of tiktoken; needs the extra `tiktoken`."""

from bigram.tokenizers.tiktoken import TiktokenTokenizer

__all__ = ["TiktokenTokenizer"]
