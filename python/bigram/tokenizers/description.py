"""Make a tokenizer from its JSON description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.protocol import Tokenizer
from bigram.tokenizers.word import WordTokenizer

__all__ = ["from_json"]


def from_json(description: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer that a tokenizer's ``to_json`` described.

    Parameters
    ----------
    description : mapping

    Returns
    -------
    Tokenizer

    Raises
    ------
    ValueError
        If the kind of tokenizer is not known, or the description is damaged.

    Examples
    --------
    >>> from_json(ByteTokenizer().to_json())
    ByteTokenizer(boundary=None)
    """
    try:
        kind = description["kind"]
        if kind == "char":
            return CharTokenizer(
                tuple(description["vocab"]), description["boundary"], description["unknown"]
            )
        if kind == "byte":
            return ByteTokenizer(description["boundary"])
        if kind == "word":
            return WordTokenizer(
                description["vocab"],
                unknown=description["unknown"],
                last_new_id=description["last_new_id"],
            )
        if kind == "huggingface":
            from bigram.tokenizers.huggingface import HuggingFaceTokenizer

            return HuggingFaceTokenizer.from_json(description)
        if kind == "tiktoken":
            from bigram.tokenizers.tiktoken import TiktokenTokenizer

            return TiktokenTokenizer.from_json(description)
    except (KeyError, TypeError) as error:
        raise ValueError(f"damaged description of a tokenizer: {error}") from error
    raise ValueError(f"kind = {kind!r} is not a kind of tokenizer; it may be from a newer bigram")
