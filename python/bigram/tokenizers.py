"""Tokenizers: text to ids and back, by NumPy over whole batches of text.

A tokenizer with a boundary symbol puts its id before and after every sequence; the boundary is
both the first context and the stop token. ``encode`` leaves the boundaries out, ``encode_batch``
puts them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy.typing as npt

from bigram.byte_tokenizer import ByteTokenizer
from bigram.char_tokenizer import CharTokenizer
from bigram.texts import Ids, Json, Offsets, UnknownSymbolError
from bigram.word_tokenizer import WordTokenizer

__all__ = [
    "ByteTokenizer",
    "CharTokenizer",
    "Tokenizer",
    "UnknownSymbolError",
    "WordTokenizer",
    "check_tokenizer",
    "context_id",
    "from_json",
]


class Tokenizer(Protocol):
    """What the package needs of a tokenizer."""

    @property
    def vocab(self) -> tuple[str, ...]:
        """The symbols; the position of a symbol is its id."""

    @property
    def vocab_size(self) -> int:
        """Number of ids."""

    @property
    def boundary_id(self) -> int | None:
        """Id before and after each sequence, if there is one."""

    @property
    def unknown_id(self) -> int | None:
        """Id of all symbols that the vocabulary lacks, if there is one."""

    def token_id(self, symbol: str) -> int:
        """Return the id of one symbol; KeyError if the vocabulary lacks it."""

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, without boundaries."""

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return tokens and offsets of many texts, each between two boundaries."""

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of the ids."""

    def to_json(self) -> Json:
        """Return a JSON-compatible description, read by `from_json`."""


def context_id(tokenizer: Tokenizer, symbol: str) -> int:
    """Return the id of a symbol as a context: "" is the boundary, a foreign one the unknown symbol.

    Raises
    ------
    KeyError
        If the vocabulary lacks the symbol and there is no unknown one.
    ValueError
        If the symbol is "" and there is no boundary.
    """
    if symbol == "":
        if tokenizer.boundary_id is None:
            raise ValueError('context "" is the boundary, and this tokenizer has none')
        return tokenizer.boundary_id
    try:
        return tokenizer.token_id(symbol)
    except KeyError:
        if tokenizer.unknown_id is None:
            raise
        return tokenizer.unknown_id


def check_tokenizer(tokenizer: object) -> None:
    """Raise TypeError for what is neither a tokenizer nor None."""
    if tokenizer is None or (
        hasattr(tokenizer, "encode_batch") and not isinstance(tokenizer, type)
    ):
        return
    kind = "a class" if isinstance(tokenizer, type) else type(tokenizer).__name__
    raise TypeError(
        f"tokenizer is {kind}, wanted a tokenizer, such as CharTokenizer.from_texts(texts)"
    )


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
        If `description` is of no known kind, or damaged.

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
            from bigram.integrations.huggingface import HuggingFaceTokenizer

            return HuggingFaceTokenizer.from_json(description)
        if kind == "tiktoken":
            from bigram.integrations.tiktoken import TiktokenTokenizer

            return TiktokenTokenizer.from_json(description)
    except (KeyError, TypeError) as error:
        raise ValueError(f"damaged description of a tokenizer: {error}") from error
    raise ValueError(f"tokenizer kind {kind!r} is not known; it may be from a newer bigram")
