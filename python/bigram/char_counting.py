"""Characters counted as they are read: the vocabulary grows, and ids are put in order at the end.

Blocks of ASCII are counted as raw bytes in a 128 x 128 table, where a newline stands for the
boundary; no str and no ids are made. Other blocks are counted by code point, with ids given in
order of appearance. Both tables are put together, sorted, at the end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bigram.byte_tokenizer import ByteTokenizer
from bigram.char_tokenizer import CharTokenizer
from bigram.corpus import Corpus, open_progress
from bigram.kernels import count_bigrams
from bigram.sources import Piece, TextFiles, Texts
from bigram.streams import Block, read_blocks
from bigram.texts import code_points

__all__ = ["count_bytes", "count_characters"]

Matrix = npt.NDArray[np.int64]

_NEWLINE = 10
_ASCII = 128
_BOUNDARY = 0x110000  # stands for the boundary among code points, being none itself


def count_characters(
    corpus: Corpus, tokenizer: CharTokenizer | None, progress: bool
) -> tuple[Matrix, CharTokenizer] | None:
    """Count the characters of a corpus, for a new vocabulary or a given one.

    None where a given tokenizer needs the long way: its texts come from an iterable, or one of them
    holds a symbol that it cannot encode, and the error should say where.
    """
    source = corpus.source
    if isinstance(source, TextFiles):
        if tokenizer is not None and not source.can_be_read_again:
            return None
        counter = CharCounter("line" if source.lines else None)
        with open_progress(corpus, "counting", progress) as bar:
            for path in source.paths:
                for block in read_blocks(path, lines=source.lines, errors=source.errors):
                    counter.add_block(block)
                    bar.update(block.num_read)
    elif tokenizer is not None:
        return None
    else:
        counter = CharCounter("text")
        with open_progress(corpus, "counting", progress) as bar:
            for unit in source.units(bar):
                if isinstance(unit, Piece):
                    counter.add_piece(unit)
                elif isinstance(unit, Texts):
                    counter.add_texts(unit.texts)
    return counter.result() if tokenizer is None else counter.result_for(tokenizer)


_spare: list[Matrix] = []  # fresh memory costs as much as counting a small file into it


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
        self._points: list[int] = []  # code point of each id of _matrix
        self._ids = np.zeros(0, dtype=np.int32)  # id + 1 of each code point, 0 where there is none
        self._matrix = np.zeros((0, 0), dtype=np.int64)
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
                    self._add_points(np.array([self._previous, data[1]], dtype=np.uint32))
                    skip = 1
                count_bigrams(data[skip:], _ASCII, out=self._bytes)
                self._previous = int(data[-1])
            else:
                points = code_points(data[1:].tobytes().decode())
                before = np.array([self._previous][skip:], dtype=np.uint32)
                self._add_points(np.concatenate([before, points]))
                self._previous = int(points[-1])
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
        points[0] = _BOUNDARY
        points[np.cumsum(lengths + 1)] = _BOUNDARY
        self._add_points(points)

    def add_piece(self, piece: Piece) -> None:
        """Count part of a long text."""
        head = _BOUNDARY if piece.starts else self._previous
        tail = [_BOUNDARY] if piece.ends else []
        points = np.concatenate([[head], code_points(piece.text), tail]).astype(np.uint32)
        self._add_points(points)
        self._previous = int(points[-1])

    def _add_points(self, points: npt.NDArray[np.uint32]) -> None:
        """Count neighbouring code points, giving ids to those that are new."""
        if not self._ids.size:
            self._ids = np.zeros(_BOUNDARY + 1, dtype=np.int32)
        ids = self._ids.take(points)
        new = points[ids == 0]
        if new.size:
            for point in np.unique(new).tolist():
                self._points.append(point)
                self._ids[point] = len(self._points)
            ids = self._ids.take(points)
            self._grow(len(self._points))
        ids -= 1
        count_bigrams(ids, len(self._matrix), out=self._matrix)

    def _grow(self, needed: int) -> None:
        if needed > len(self._matrix):
            size = max(256, 1 << (needed - 1).bit_length())
            matrix = np.zeros((size, size), dtype=np.int64)
            old = len(self._matrix)
            matrix[:old, :old] = self._matrix
            self._matrix = matrix

    def _symbols(self) -> tuple[dict[int, int], list[int]]:
        """Return the code points of the rows met in the table of bytes, and of `_matrix`.

        `_BOUNDARY` stands for newlines that are boundaries.
        """
        met = self._bytes.max(axis=1)
        if self._points or not self._bounded:  # a pair may go on in the other table, or end
            met |= self._bytes.max(axis=0)
        rows = {byte: byte for byte in (*np.flatnonzero(met).tolist(), *self._ends) if byte < _ASCII}
        others = list(self._points)
        if self._bounded and _NEWLINE in rows:
            rows[_NEWLINE] = _BOUNDARY
        if self._lines and _NEWLINE in others:
            others[others.index(_NEWLINE)] = _BOUNDARY
        return rows, others

    def result(self) -> tuple[Matrix, CharTokenizer]:
        """Return the counts and a tokenizer of all symbols met, in order."""
        rows, others = self._symbols()
        symbols = {*rows.values(), *others} - {_BOUNDARY}
        boundary = None
        if self._bounded:
            boundary = next((b for b in ".\n\0" if ord(b) not in symbols), None)
            if boundary is None:
                raise ValueError(
                    "the texts hold '.', newline and NUL, so none of them can be the boundary: "
                    "pass a tokenizer"
                )
        elif not symbols:
            raise ValueError("the corpus is empty: there is no symbol to make a vocabulary of")
        tokenizer = CharTokenizer.from_symbols(map(chr, symbols), boundary=boundary)
        points = list(map(ord, tokenizer.vocab))
        if boundary is not None:
            points[0] = _BOUNDARY
        if not others:
            order = [_NEWLINE if point == _BOUNDARY else point for point in points]
            matrix = self._bytes[order][:, order]
        else:
            ids = {point: index for index, point in enumerate(points)}
            matrix = self._arranged(tokenizer.vocab_size, rows, others, ids)
        _spare[:] = [self._bytes]
        return matrix, tokenizer

    def result_for(self, tokenizer: CharTokenizer) -> tuple[Matrix, CharTokenizer] | None:
        """Return the counts by a tokenizer's ids, None where they do not fit."""
        if (tokenizer.boundary is not None) != self._bounded:
            return None
        rows, others = self._symbols()
        given = {symbol: index for index, symbol in enumerate(tokenizer.vocab)}
        ids: dict[int, int] = {}
        for point in {*rows.values(), *others}:
            symbol = "" if point == _BOUNDARY else chr(point)
            index = given.get(symbol, tokenizer.unknown_id) if symbol else tokenizer.boundary_id
            if index is None or symbol == tokenizer.boundary:
                return None
            ids[point] = index
        return self._arranged(tokenizer.vocab_size, rows, others, ids), tokenizer

    def _arranged(
        self, size: int, rows: dict[int, int], others: list[int], ids: dict[int, int]
    ) -> Matrix:
        """Add up both tables by the ids of code points."""
        total = np.zeros((size, size), dtype=np.int64)
        met = list(rows)
        _add_part(total, self._bytes[np.ix_(met, met)], [ids[p] for p in rows.values()])
        if others:
            part = self._matrix[: len(others), : len(others)]
            _add_part(total, part, [ids[point] for point in others])
        return total


def _add_part(total: Matrix, part: Matrix, ids: list[int]) -> None:
    """Add ``part[i, j]`` to ``total[ids[i], ids[j]]``; several may have the same id."""
    if len(set(ids)) == len(ids):
        total[np.ix_(ids, ids)] += part
        return
    rows = np.zeros((len(total), len(ids)), dtype=np.int64)
    np.add.at(rows, ids, part)
    np.add.at(total.T, ids, rows.T)


def count_bytes(corpus: Corpus, tokenizer: ByteTokenizer, progress: bool) -> Matrix | None:
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
