"""Units of text of bounded size, which every source of texts yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from bigram.corpus.unicode import utf8
from bigram.corpus.where import Where

__all__ = [
    "Lines",
    "Piece",
    "Texts",
    "Unit",
    "between_words",
    "join_pieces",
    "joined_lines",
    "split_lines",
]


def joined_lines(texts: list[str]) -> bytes:
    """Return texts as whole lines; newlines inside them part words, as spaces do."""
    joined = "\n".join([*texts, ""])
    if joined.count("\n") != len(texts):
        joined = "\n".join([*(text.replace("\n", " ") for text in texts), ""])
    return utf8(joined)


class Lines(NamedTuple):
    """Whole lines of a file as UTF-8, each with its newline."""

    data: bytes
    where: Where


class Texts(NamedTuple):
    """Whole texts."""

    texts: list[str]
    where: Where


class Piece(NamedTuple):
    """Part of a text that is too long to be taken whole."""

    text: str
    starts: bool
    ends: bool
    where: Where


Unit: TypeAlias = "Lines | Texts | Piece"


def split_lines(data: bytes) -> list[str]:
    """Return the texts of whole lines."""
    return data.decode().split("\n")[:-1]


def join_pieces(units: Iterable[Unit]) -> Iterator[Lines | Texts]:
    """Yield the units with texts in pieces put together: whole texts, whatever their size."""
    pieces: list[str] = []
    for unit in units:
        if not isinstance(unit, Piece):
            yield unit
            continue
        pieces.append(unit.text)
        if unit.ends:
            yield Texts(["".join(pieces)], unit.where._replace(position=0))
            pieces = []


def between_words(units: Iterable[Unit]) -> Iterator[Unit]:
    """Yield the units with texts in pieces cut before a space, where no word is parted."""
    rest = ""
    for unit in units:
        if not isinstance(unit, Piece):
            yield unit
            continue
        text, position = rest + unit.text, unit.where.position - len(rest)
        cut = len(text) if unit.ends else max(map(text.rfind, "\0\t\n\r "))
        text, rest = text[: max(cut, 0)], text[max(cut, 0) :]
        yield Piece(text, unit.starts, unit.ends, unit.where._replace(position=position))
        rest = "" if unit.ends else rest
