"""Tokenizers: text to ids and back, by NumPy over whole batches of text.

A tokenizer with a boundary symbol puts its id before and after every sequence; the boundary is
both the first context and the stop token. ``encode`` leaves the boundaries out, ``encode_batch``
puts them in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy.typing as npt

from bigram.common.types import Ids, Json, Offsets
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer

__all__ = ["Tokenizer", "check_tokenizer", "context_id", "pair_separator"]


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


def pair_separator(tokenizer: Tokenizer | None) -> str:
    """Return what stands between the symbols of a pair: nothing for characters, else a space."""
    return "" if isinstance(tokenizer, (ByteTokenizer, CharTokenizer)) else " "
