"""What a corpus reads: files and iterables, as units of text of bounded size."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from bigram.common.progress import Progress
from bigram.corpus.blocks import BLOCK_BYTES, read_blocks
from bigram.corpus.opening import total_bytes
from bigram.corpus.units import Lines, Piece, Texts, Unit
from bigram.corpus.where import Where

__all__ = ["Source", "TextFiles", "TextIterable"]


class Source(Protocol):
    """What a corpus reads."""

    def units(self, bar: Progress) -> Iterator[Unit]:
        """Yield the texts in order; a text in pieces has no other unit between them."""

    def total(self) -> int | None:
        """Return what `bar` will have counted at the end, in bytes, if known."""


@dataclass(frozen=True)
class TextFiles:
    """Files of lines, or of running text."""

    paths: tuple[str, ...]
    lines: bool
    errors: str

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return all(os.path.isfile(path) for path in self.paths)

    def total(self) -> int | None:
        """Return the number of bytes in all files, if known."""
        return total_bytes(self.paths)

    def units(self, bar: Progress) -> Iterator[Unit]:
        """Yield the files as lines, and long lines and running texts as pieces."""
        first = 0
        for path in self.paths:
            if self.lines:
                first = yield from _line_units(path, first, self.errors, bar)
            else:
                yield from _running_units(path, first, self.errors, bar)
                first += 1


def _line_units(path: str, first: int, errors: str, bar: Progress) -> Generator[Unit, None, int]:
    """Yield the units of a file of lines; return the number of texts up to its end."""
    rest, done, position, open_line = b"", 0, 0, False
    for block in read_blocks(path, lines=True, errors=errors):
        bar.update(block.num_read)
        content = rest + block.data[1:].tobytes()
        if open_line:
            end = content.find(b"\n")
            ends = end >= 0
            text = (content[:end] if ends else content).decode()
            yield Piece(text, False, ends, Where(first + done, position, path, done))
            content = content[end + 1 :] if ends else b""
            open_line, position, done = not ends, position + len(text), done + ends
        cut = content.rfind(b"\n") + 1
        rest = content[cut:]
        if cut:
            yield Lines(content[:cut], Where(first + done, 0, path, done))
            done += content.count(b"\n", 0, cut)
        if len(rest) >= BLOCK_BYTES:
            text, rest, open_line = rest.decode(), b"", True
            position = len(text)
            yield Piece(text, True, False, Where(first + done, 0, path, done))
    return first + done


def _running_units(path: str, index: int, errors: str, bar: Progress) -> Iterator[Unit]:
    position = 0
    for block in read_blocks(path, lines=False, errors=errors):
        bar.update(block.num_read)
        text = block.data[1:].tobytes().decode()
        yield Piece(text, block.first, block.last, Where(index, position, path))
        position += len(text)


@dataclass(frozen=True)
class TextIterable:
    """Any iterable of str."""

    texts: Iterable[Any]

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts; the iterable itself may know."""
        return getattr(self.texts, "can_be_read_again", not isinstance(self.texts, Iterator))

    def total(self) -> int | None:
        """Return None: the size is not known before reading."""
        return None

    def units(self, bar: Progress) -> Iterator[Unit]:
        """Yield the texts by batches of about a block, and long texts as pieces."""
        iterator = iter(self.texts)
        first, number = 0, 256
        while batch := list(islice(iterator, number)):
            for index, text in enumerate(batch):
                if not isinstance(text, str):
                    raise TypeError(f"texts[{first + index}] is {_kind(text)}, wanted str")
            size = sum(map(len, batch))
            bar.update(size)
            yield from _split_long(batch, first)
            first += len(batch)
            number = max(1, min(4 * number, number * BLOCK_BYTES // (size + 1), 1 << 16))


def _kind(value: object) -> str:
    kind = type(value).__name__
    return f"{kind} (Corpus.records takes dicts)" if isinstance(value, Mapping) else kind


def _split_long(batch: list[str], first: int) -> Iterator[Unit]:
    start = 0
    for index, text in enumerate(batch):
        if len(text) > BLOCK_BYTES:
            if start < index:
                yield Texts(batch[start:index], Where(first + start))
            start = index + 1
            for position in range(0, len(text), BLOCK_BYTES):
                end = position + BLOCK_BYTES
                where = Where(first + index, position)
                yield Piece(text[position:end], position == 0, end >= len(text), where)
    if start < len(batch):
        yield Texts(batch[start:], Where(first + start))
