"""What the package needs of a tokenizer, which turns text into ids and back.

A tokenizer with a boundary symbol puts its id before and after each sequence; the boundary is both
the first context and the stop token. ``encode`` omits the boundaries, ``encode_batch`` adds them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias, TypeGuard

import numpy.typing as npt

from bigram.common.types import Ids, Json, Offsets
from bigram.corpus.where import Where

__all__ = [
    "Granularity",
    "StreamTokenizer",
    "Tokenizer",
    "check_tokenizer",
    "context_id",
    "encodes_streams",
    "granularity",
    "pair_separator",
]

Granularity: TypeAlias = Literal["byte", "character", "word"]


class Tokenizer(Protocol):
    """A tokenizer: text to ids and back."""

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
        """Id of all symbols outside the vocabulary, if there is one."""

    def token_id(self, symbol: str) -> int:
        """Return the id of one symbol; KeyError if it is not in the vocabulary."""

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, without boundaries."""

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return tokens and offsets of many texts, each between two boundaries."""

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of the ids."""

    def to_json(self) -> Json:
        """Return a JSON-compatible description, read by `from_json`."""


class StreamTokenizer(Tokenizer, Protocol):
    """A tokenizer that encodes a corpus as it is read: lines as bytes, and long texts in pieces.

    Each method is told where in the corpus its text begins, for errors.
    """

    @property
    def granularity(self) -> Granularity:
        """What a token stands for; a piece is never cut inside one."""

    def encode_lines(self, data: bytes, where: Where) -> tuple[Ids, Offsets]:
        """Encode whole lines of UTF-8, each with its newline, as ``encode_batch`` does texts."""

    def encode_texts(self, texts: list[str], where: Where) -> tuple[Ids, Offsets]:
        """Encode a list of texts as ``encode_batch`` does."""

    def encode_piece(self, text: str, where: Where) -> Ids:
        """Encode part of a text, without boundaries."""


def encodes_streams(tokenizer: object) -> TypeGuard[StreamTokenizer]:
    """Tell whether a tokenizer is a `StreamTokenizer`; others encode whole texts only."""
    return hasattr(tokenizer, "encode_piece")


def granularity(tokenizer: object) -> Granularity | None:
    """Return what a token stands for; None if that varies, or without a tokenizer."""
    return tokenizer.granularity if encodes_streams(tokenizer) else None


def context_id(tokenizer: Tokenizer, symbol: str) -> int:
    """Return the id of a context: "" is the boundary; a foreign symbol is the unknown symbol.

    Raises
    ------
    KeyError
        If the symbol is not in the vocabulary and there is no unknown symbol.
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
    """Raise TypeError unless `tokenizer` is a tokenizer or None."""
    if tokenizer is None or (
        hasattr(tokenizer, "encode_batch") and not isinstance(tokenizer, type)
    ):
        return
    kind = "a class" if isinstance(tokenizer, type) else type(tokenizer).__name__
    raise TypeError(
        f"tokenizer is {kind}, wanted a tokenizer, such as CharTokenizer.from_texts(texts)"
    )


def pair_separator(tokenizer: Tokenizer | None) -> str:
    """Return what to write between the symbols of a pair: nothing for characters, else a space."""
    return "" if granularity(tokenizer) in ("byte", "character") else " "
