"""Count characters while reading them: the vocabulary grows, and ids are sorted at the end.

Blocks of ASCII are counted as raw bytes in a 128 x 128 table, in which a newline stands for the
boundary; neither str nor ids are made. Other blocks are counted by code point, under ids in order
of appearance. At the end both tables are added and sorted.
"""

from __future__ import annotations

import numpy as np

from bigram.common.types import Csr, Dense
from bigram.corpus.blocks import Block
from bigram.corpus.corpus import Corpus, iter_units
from bigram.corpus.source import gives_blocks, with_progress
from bigram.corpus.unicode import code_points
from bigram.corpus.units import Lines, Piece, split_lines
from bigram.counting.code_points import BOUNDARY, PointCounter, add_up
from bigram.kernels import count_bigrams
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.default import default_tokenizer
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["characters_of", "count_bytes", "count_characters", "count_given_characters"]

_NEWLINE = 10
_ASCII = 128


def count_characters(corpus: Corpus, progress: bool) -> tuple[Dense | Csr, CharTokenizer]:
    """Count the characters of a corpus in one pass, and make its default tokenizer."""
    return _counted(corpus, progress).result()


def count_given_characters(
    corpus: Corpus, tokenizer: Tokenizer, progress: bool
) -> Dense | Csr | None:
    """Count the characters of files for a tokenizer, without making ids.

    None where ids are needed: the texts come from an iterable or can be read only once, or one of
    them contains a character that the tokenizer cannot encode, and the error should say where.
    """
    if not gives_blocks(corpus.source) or not corpus.source.can_be_read_again:
        return None
    return _counted(corpus, progress).result_for(tokenizer)


def characters_of(corpus: Corpus) -> set[str]:
    """Return all characters that occur in a corpus."""
    return _counted(corpus, progress=False).characters()


def _counted(corpus: Corpus, progress: bool) -> CharCounter:
    """Count the characters of a corpus in one pass."""
    source = corpus.source
    if gives_blocks(source):
        counter = CharCounter("line" if source.lines else None)
        for block in with_progress(source.blocks(), source, "counting", progress):
            counter.add_block(block)
        return counter
    counter = CharCounter("text")
    for unit in iter_units(corpus, "counting", progress=progress):
        if isinstance(unit, Piece):
            counter.add_piece(unit)
        else:
            counter.add_texts(split_lines(unit.data) if isinstance(unit, Lines) else unit.texts)
    return counter


_spare: list[Dense] = []  # allocating a table takes as long as counting a small file into it


class CharCounter:
    """Counts of characters for a vocabulary that is not known before the end.

    Parameters
    ----------
    sequence : {"line", "text", None}
        What a sequence is: a line of a file, a text of an iterable, or a whole file, which has no
        boundaries.
    """

    def __init__(self, sequence: str | None) -> None:
        self._lines = sequence == "line"
        self._bounded = sequence is not None
        self._bytes = _spare.pop() if _spare else np.empty((_ASCII, _ASCII), dtype=np.int64)
        self._bytes.fill(0)
        self._ends: set[int] = set()  # last symbols of running texts, which may not be a context
        self._others = PointCounter()
        self._previous = _NEWLINE  # code point before the next block

    def add_block(self, block: Block) -> None:
        """Count a block of a file."""
        data = block.data
        if block.first:
            self._previous = _NEWLINE
        if data.size > 1:
            skip = int(block.first and not self._lines)  # nothing comes before a running text
            if block.ascii:
                if data[0] >= _ASCII:
                    self._others.add(np.array([self._previous, data[1]], dtype=np.uint32))
                    skip = 1
                count_bigrams(data[skip:], _ASCII, out=self._bytes)
                self._previous = int(data[-1])
            else:
                before = None if skip else self._previous
                self._previous = self._others.add_utf8(data[1:], before)
            if block.last and not self._lines:
                self._ends.add(self._previous)

    def add_texts(self, texts: list[str]) -> None:
        """Count whole texts."""
        joined = "\n".join(["", *texts, ""])
        if joined.isascii() and joined.count("\n") == len(texts) + 1:
            data = np.frombuffer(joined.encode("ascii"), dtype=np.uint8)
            count_bigrams(data, _ASCII, out=self._bytes)
            return
        points = code_points(joined).copy()
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        points[0] = BOUNDARY
        points[np.cumsum(lengths + 1)] = BOUNDARY
        self._others.add(points)

    def add_piece(self, piece: Piece) -> None:
        """Count part of a long text."""
        head = BOUNDARY if piece.starts else self._previous
        tail = [BOUNDARY] if piece.ends else []
        points = np.concatenate([[head], code_points(piece.text), tail]).astype(np.uint32)
        self._others.add(points)
        self._previous = int(points[-1])

    def _symbols(self) -> tuple[dict[int, int], list[int]]:
        """Return the code points that occur in the table of bytes, and those of the other ids.

        `BOUNDARY` stands for newlines that are boundaries.
        """
        met = self._bytes.max(axis=0)
        if self._others.points or not self._bounded:  # a pair may come from the other table
            met |= self._bytes.max(axis=1)
        rows = {byte: byte for byte in (*met.nonzero()[0].tolist(), *self._ends) if byte < _ASCII}
        others = list(self._others.points)
        if self._bounded and _NEWLINE in rows:
            rows[_NEWLINE] = BOUNDARY
        if self._lines and _NEWLINE in others:
            others[others.index(_NEWLINE)] = BOUNDARY
        return rows, others

    def characters(self) -> set[str]:
        """Return all characters that occurred, without boundaries."""
        rows, others = self._symbols()
        return set(map(chr, {*rows.values(), *others} - {BOUNDARY}))

    def result(self) -> tuple[Dense | Csr, CharTokenizer]:
        """Return the counts and the default tokenizer of the characters that occurred."""
        rows, others = self._symbols()
        characters = set(map(chr, {*rows.values(), *others} - {BOUNDARY}))
        tokenizer = default_tokenizer(characters, running_text=not self._bounded)
        points = list(map(ord, tokenizer.vocab))
        if self._bounded:
            points[0] = BOUNDARY
        if not others:
            order = [_NEWLINE if point == BOUNDARY else point for point in points]
            matrix: Dense | Csr = self._bytes.take(order, 0).take(order, 1)
        else:
            ids = {point: index for index, point in enumerate(points)}
            matrix = self._arranged(tokenizer.vocab_size, rows, others, ids)
        _spare[:] = [self._bytes]
        return matrix, tokenizer

    def result_for(self, tokenizer: Tokenizer) -> Dense | Csr | None:
        """Return the counts by a tokenizer's ids; None if it cannot encode a character."""
        boundary, unknown = tokenizer.boundary_id, tokenizer.unknown_id
        if (boundary is not None) != self._bounded:
            return None
        rows, others = self._symbols()
        given = {symbol: index for index, symbol in enumerate(tokenizer.vocab)}
        ids: dict[int, int] = {}
        for point in {*rows.values(), *others}:
            index = given.get(chr(point), unknown) if point != BOUNDARY else boundary
            if index is None or (index == boundary and point != BOUNDARY):
                return None
            ids[point] = index
        return self._arranged(tokenizer.vocab_size, rows, others, ids)

    def _arranged(
        self, size: int, rows: dict[int, int], others: list[int], ids: dict[int, int]
    ) -> Dense | Csr:
        """Add up both tables by the ids of code points."""
        of_byte = np.zeros(_ASCII, dtype=np.int64)
        of_byte[list(rows)] = [ids[point] for point in rows.values()]
        i, j = np.nonzero(self._bytes)
        parts = [(of_byte[i], of_byte[j], self._bytes[i, j])]
        if others:
            of_other = np.array([ids[point] for point in others], dtype=np.int64)
            first, second, counts = self._others.pairs()
            parts.append((of_other[first], of_other[second], counts))
        return add_up(parts, size)


def count_bytes(corpus: Corpus, tokenizer: Tokenizer, progress: bool) -> Dense | None:
    """Count the bytes of files as they are; None where ids are needed."""
    source, boundary = corpus.source, tokenizer.boundary_id
    if not gives_blocks(source) or not source.can_be_read_again:
        return None
    if source.lines != (boundary is not None):
        return None
    table = np.zeros((256, 256), dtype=np.int64)
    for block in with_progress(source.blocks(), source, "counting", progress):
        skip = block.first and not source.lines  # no byte comes before a running text
        count_bigrams(block.data[skip:], 256, out=table)
    if boundary is None or boundary == _NEWLINE:
        return table
    if table[boundary].any():  # inside a text: the error should say where
        return None
    # Newlines were counted as the boundary: exchange their row and column with its own.
    order = np.arange(256)
    order[[_NEWLINE, boundary]] = boundary, _NEWLINE
    return table[np.ix_(order, order)]
