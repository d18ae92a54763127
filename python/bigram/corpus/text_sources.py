"""Text files and iterables of str, as units of bounded size."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from bigram.corpus.blocks import BLOCK_BYTES, Block, read_blocks
from bigram.corpus.opening import are_files, total_bytes
from bigram.corpus.units import Lines, Piece, Texts, TextUnit
from bigram.corpus.where import Where

__all__ = ["TextFiles", "TextIterable", "iterable_units", "lines_of", "text_units"]


@dataclass(frozen=True)
class TextFiles:
    """Files of lines, or of running text."""

    paths: tuple[str, ...]
    lines: bool
    errors: str
    vocab_size: ClassVar[None] = None

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return are_files(self.paths)

    def total(self) -> int | None:
        """Return the number of bytes in all files, if known."""
        return total_bytes(self.paths)

    def units(self) -> Iterator[TextUnit]:
        """Yield the files as lines, and long lines and running texts as pieces."""
        first = 0
        for path in self.paths:
            if self.lines:
                first = yield from _line_units(path, first, self.errors)
            else:
                yield from _running_units(path, first, self.errors)
                first += 1

    def blocks(self) -> Iterator[Block]:
        """Yield the files as blocks of bytes."""
        for path in self.paths:
            yield from read_blocks(path, lines=self.lines, errors=self.errors)


def _line_units(path: str, first: int, errors: str) -> Generator[TextUnit, None, int]:
    """Yield the units of a file of lines; return the number of texts up to its end.

    `first` texts came before the file, and `done` lines of it before the current unit. A line that
    outgrows a block is yielded as pieces, the next of which begins at character `position`.
    """
    rest = b""  # the beginning of a line that the next block completes
    open_line = False  # whether the line that the next block continues is yielded as pieces
    done = position = num_read = 0
    for block in read_blocks(path, lines=True, errors=errors):
        num_read += block.num_read
        content = rest + block.data[1:].tobytes()
        if open_line:
            end = content.find(b"\n")
            ends = end >= 0
            text = (content[:end] if ends else content).decode()
            yield Piece(text, False, ends, Where(first + done, position, path, done), num_read)
            content = content[end + 1 :] if ends else b""
            open_line, position, done, num_read = not ends, position + len(text), done + ends, 0
        cut = content.rfind(b"\n") + 1
        rest = content[cut:]
        if cut:
            yield Lines(content[:cut], Where(first + done, 0, path, done), num_read)
            done, num_read = done + content.count(b"\n", 0, cut), 0
        if len(rest) >= BLOCK_BYTES:
            text, rest, open_line = rest.decode(), b"", True
            position = len(text)
            yield Piece(text, True, False, Where(first + done, 0, path, done), num_read)
            num_read = 0
    return first + done


def _running_units(path: str, index: int, errors: str) -> Iterator[TextUnit]:
    position = 0
    for block in read_blocks(path, lines=False, errors=errors):
        text = block.data[1:].tobytes().decode()
        where = Where(index, position, path)
        yield Piece(text, block.first, block.last, where, block.num_read)
        position += len(text)


@dataclass(frozen=True)
class TextIterable:
    """Any iterable of str."""

    texts: Iterable[Any]
    vocab_size: ClassVar[None] = None

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same texts."""
        return not isinstance(self.texts, Iterator)

    def total(self) -> int | None:
        """Return None: the size is not known before reading."""
        return None

    def units(self) -> Iterator[TextUnit]:
        """Yield the texts in batches, and long texts as pieces."""
        return iterable_units(self.texts)


def lines_of(file: Iterable[Any]) -> Iterator[str]:
    """Yield the lines of an open file of text as `Corpus.lines` reads them from its path.

    Raises
    ------
    TypeError
        If the file gives bytes.
    """
    for index, line in enumerate(file):
        if not isinstance(line, str):
            raise TypeError(
                f"corpus is an open file of {type(line).__name__}, wanted one opened as text, "
                "or Corpus.lines(path)"
            )
        text = line.removeprefix("\ufeff") if index == 0 else line
        yield text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def iterable_units(texts: Iterable[Any]) -> Iterator[TextUnit]:
    """Yield an iterable of str in batches of about a block, and long texts as pieces."""
    iterator = iter(texts)
    first, number = 0, 256
    while batch := list(islice(iterator, number)):
        for index, text in enumerate(batch):
            if not isinstance(text, str):
                raise TypeError(f"texts[{first + index}] is {_kind(text)}, wanted str")
        size = sum(map(len, batch))
        yield from text_units(batch, first, size)
        first += len(batch)
        # As many texts as fill a block at their mean length so far, in steps of at most four times.
        number = max(1, min(4 * number, number * BLOCK_BYTES // (size + 1), 1 << 16))


def _kind(value: object) -> str:
    kind = type(value).__name__
    return f"{kind} (Corpus.records takes dicts)" if isinstance(value, Mapping) else kind


def text_units(texts: list[str], first: int, num_read: int) -> Iterator[TextUnit]:
    """Yield a batch of texts, of which `first` came before, the long ones as pieces."""
    start = 0
    for index, text in enumerate(texts):
        if len(text) > BLOCK_BYTES:
            if start < index:
                yield Texts(texts[start:index], Where(first + start), num_read)
                num_read = 0
            start = index + 1
            for position in range(0, len(text), BLOCK_BYTES):
                end = position + BLOCK_BYTES
                where = Where(first + index, position)
                yield Piece(text[position:end], position == 0, end >= len(text), where, num_read)
                num_read = 0
    if start < len(texts):
        yield Texts(texts[start:], Where(first + start), num_read)
