"""Characters counted as they are read: the vocabulary grows, and ids are put in order at the end.

Blocks of ASCII are counted as raw bytes in a 128 x 128 table, where a newline stands for the
boundary; no str and no ids are made. Other blocks are counted by code point, with ids given in
order of appearance. Both tables are put together, sorted, at the end.
"""

from __future__ import annotations

import numpy as np

from bigram.common.types import Csr, Dense
from bigram.corpus.blocks import Block, read_blocks
from bigram.corpus.corpus import Corpus, open_progress
from bigram.corpus.text_sources import TextFiles
from bigram.corpus.unicode import code_points
from bigram.corpus.units import Piece, Texts
from bigram.counting.code_points import BOUNDARY, PointCounter, add_up
from bigram.kernels import count_bigrams
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.default import default_tokenizer

__all__ = ["characters_of", "count_bytes", "count_characters"]

_NEWLINE = 10
_ASCII = 128


def count_characters(
    corpus: Corpus, tokenizer: CharTokenizer | None, progress: bool
) -> tuple[Dense | Csr, CharTokenizer] | None:
    """Count the characters of a corpus, for the default tokenizer or a given one.

    None where a given tokenizer needs token ids: the texts come from an iterable or can be read
    only once, or one of them holds a character that the tokenizer cannot encode, and the error
    should say where.
    """
    if tokenizer is None:
        return _counted(corpus, progress).result()
    source = corpus.source
    if not isinstance(source, TextFiles) or not source.can_be_read_again:
        return None
    return _counted(corpus, progress).result_for(tokenizer)


def characters_of(corpus: Corpus) -> set[str]:
    """Return all characters that occur in a corpus."""
    return _counted(corpus, progress=False).characters()


def _counted(corpus: Corpus, progress: bool) -> CharCounter:
    """Count the characters of a corpus in one pass."""
    source = corpus.source
    with open_progress(corpus, "counting", progress) as bar:
        if isinstance(source, TextFiles):
            counter = CharCounter("line" if source.lines else None)
            for path in source.paths:
                for block in read_blocks(path, lines=source.lines, errors=source.errors):
                    counter.add_block(block)
                    bar.update(block.num_read)
            return counter
        counter = CharCounter("text")
        for unit in source.units(bar):
            if isinstance(unit, Piece):
                counter.add_piece(unit)
            elif isinstance(unit, Texts):
                counter.add_texts(unit.texts)
    return counter


_spare: list[Dense] = []  # fresh memory costs as much as counting a small file into it


class CharCounter:
    """Counts of characters whose vocabulary is not yet known.

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
        self._ends: set[int] = set()  # last symbols of running texts, perhaps contexts of no pair
        self._others = PointCounter()
        self._previous = _NEWLINE  # code point before the next block

    def add_block(self, block: Block) -> None:
        """Count a block of a file."""
        data = block.data
        if block.first:
            self._previous = _NEWLINE
        if data.size > 1:
            skip = int(block.first and not self._lines)  # nothing stands before a running text
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
        """Return the code points of the rows met in the table of bytes, and of the other ids.

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
        """Return all characters met, without boundaries."""
        rows, others = self._symbols()
        return set(map(chr, {*rows.values(), *others} - {BOUNDARY}))

    def result(self) -> tuple[Dense | Csr, CharTokenizer]:
        """Return the counts and the default tokenizer of the characters met."""
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

    def result_for(self, tokenizer: CharTokenizer) -> tuple[Dense | Csr, CharTokenizer] | None:
        """Return the counts by a tokenizer's ids, None where they do not fit."""
        if (tokenizer.boundary is not None) != self._bounded:
            return None
        rows, others = self._symbols()
        given = {symbol: index for index, symbol in enumerate(tokenizer.vocab)}
        ids: dict[int, int] = {}
        for point in {*rows.values(), *others}:
            symbol = "" if point == BOUNDARY else chr(point)
            index = given.get(symbol, tokenizer.unknown_id) if symbol else tokenizer.boundary_id
            if index is None or symbol == tokenizer.boundary:
                return None
            ids[point] = index
        return self._arranged(tokenizer.vocab_size, rows, others, ids), tokenizer

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


def count_bytes(corpus: Corpus, tokenizer: ByteTokenizer, progress: bool) -> Dense | None:
    """Count the bytes of files as they are; None where that needs the long way."""
    source, boundary = corpus.source, tokenizer.boundary_id
    if not isinstance(source, TextFiles) or not source.can_be_read_again:
        return None
    if source.lines != (boundary is not None):
        return None
    table = np.zeros((256, 256), dtype=np.int64)
    with open_progress(corpus, "counting", progress) as bar:
        for path in source.paths:
            for block in read_blocks(path, lines=source.lines, errors=source.errors):
                skip = block.first and not source.lines
                count_bigrams(block.data[skip:], 256, out=table)
                bar.update(block.num_read)
    if boundary is None or boundary == _NEWLINE:
        return table
    if table[boundary].any():  # inside a text: the long way says where
        return None
    order = np.arange(256)
    order[[_NEWLINE, boundary]] = boundary, _NEWLINE
    return table[np.ix_(order, order)]
