"""Units of bounded size, which every source yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from bigram.common.types import Ids
from bigram.corpus.unicode import utf8
from bigram.corpus.where import Where

__all__ = [
    "Lines",
    "Piece",
    "TextUnit",
    "Texts",
    "Tokens",
    "Unit",
    "between_words",
    "join_pieces",
    "joined_lines",
    "split_lines",
]


class Lines(NamedTuple):
    """Whole lines of a file as UTF-8, each with its newline."""

    data: bytes
    where: Where
    num_read: int = 0


class Texts(NamedTuple):
    """Whole texts."""

    texts: list[str]
    where: Where
    num_read: int = 0


class Piece(NamedTuple):
    """Part of a text that is too long to be held as a whole."""

    text: str
    starts: bool
    ends: bool
    where: Where
    num_read: int = 0


class Tokens(NamedTuple):
    """Token ids, and the number of sequences that start among them.

    A file that has more than one chunk continues with the last token of the chunk before.
    """

    tokens: Ids
    num_sequences: int
    num_read: int = 0


# `num_read` is the number of bytes that were read from the source for a unit and for nothing that
# came before it, for a progress bar; characters where the source is an iterable.
TextUnit: TypeAlias = "Lines | Texts | Piece"
Unit: TypeAlias = "TextUnit | Tokens"


def joined_lines(texts: list[str]) -> bytes:
    """Return texts as whole lines; newlines inside them become spaces, which separate words too."""
    joined = "\n".join([*texts, ""])
    if joined.count("\n") != len(texts):
        joined = "\n".join([*(text.replace("\n", " ") for text in texts), ""])
    return utf8(joined)


def split_lines(data: bytes) -> list[str]:
    """Return the texts of whole lines."""
    return data.decode().split("\n")[:-1]


def join_pieces(units: Iterable[TextUnit]) -> Iterator[Lines | Texts]:
    """Yield the units with the pieces of a text joined: whole texts, whatever their size."""
    pieces: list[str] = []
    num_read = 0
    for unit in units:
        if not isinstance(unit, Piece):
            yield unit
            continue
        pieces.append(unit.text)
        num_read += unit.num_read
        if unit.ends:
            yield Texts(["".join(pieces)], unit.where._replace(position=0), num_read)
            pieces, num_read = [], 0


def between_words(units: Iterable[TextUnit]) -> Iterator[TextUnit]:
    """Yield the units with the pieces of a text cut before a space, so that words stay whole."""
    held: list[str] = []  # the word at the end of a piece, which may continue in the next ones
    length = 0
    for unit in units:
        if not isinstance(unit, Piece):
            yield unit
            continue
        position = unit.where.position - length
        cut = len(unit.text) if unit.ends else max(map(unit.text.rfind, "\0\t\n\r "))
        text = "".join([*held, unit.text[:cut]]) if cut >= 0 else ""
        if cut >= 0:
            held, length = [], 0
        held.append(unit.text[max(0, cut) :])  # joined once, however long the word is
        length += len(held[-1])
        where = unit.where._replace(position=position)
        yield Piece(text, unit.starts, unit.ends, where, unit.num_read)
