"""`HuggingFaceTokenizer`, for vocabularies of Hugging Face; needs the extra `huggingface`."""

from bigram.tokenizers.huggingface import HuggingFaceTokenizer

__all__ = ["HuggingFaceTokenizer"]
