"""Count pairs of code points under ids in order of appearance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.common.types import Csr, Dense
from bigram.counts.running_sum import RunningSum
from bigram.kernels import count_bigrams, count_bigrams_sparse, encode_characters

__all__ = ["BOUNDARY", "PointCounter", "add_up"]

BOUNDARY = 0x110000  # stands for the boundary; the first number that is not a code point
_NUM_POINTS = BOUNDARY + 1
_DENSE_LIMIT = 4096  # ids; with more of them, counts are sparse
_HELD_POINTS = 1 << 22  # counted together, where counts are sparse


class PointCounter:
    """Counts of neighbouring code points; `points[id]` is the code point of an id."""

    def __init__(self) -> None:
        self.points: list[int] = []
        self._ids = np.zeros(
            0, dtype=np.uint32
        )  # id + 1 of each code point, 0 for those without an id
        self._matrix: Dense | None = np.zeros((0, 0), dtype=np.int64)
        self._sum = RunningSum()
        self._held: list[npt.NDArray[np.uint32]] = []
        self._num_held = 0

    def add(self, points: npt.NDArray[np.uint32]) -> None:
        """Count neighbouring code points."""
        self._prepare()
        for point in np.unique(points[self._ids.take(points) == 0]).tolist():
            self._number(point)
        self._count(self._ids.take(points))

    def add_utf8(self, data: npt.NDArray[np.uint8], before: int | None) -> int:
        """Count UTF-8 text that follows the code point `before`; return its last code point."""
        self._prepare()
        start = 0 if before is None else 1
        out = np.empty(data.size + 1, dtype=np.uint32)
        if before is not None:
            out[0] = self._ids[before] or self._number(before)
        done, count = 0, start
        while done < data.size:
            ids, num_bytes = encode_characters(data[done:], self._ids, missing=0, out=out[count:])
            done, count = done + num_bytes, count + ids.size
            if done < data.size:
                character = data[done : done + 4].tobytes().decode("utf-8", "ignore")[0]
                self._number(ord(character))
        last = self.points[int(out[count - 1]) - 1]
        self._count(out[:count])
        return last

    def _prepare(self) -> None:
        if not self._ids.size:  # not needed for ASCII text, which is counted as bytes
            self._ids = np.zeros(_NUM_POINTS, dtype=np.uint32)

    def _number(self, point: int) -> int:
        """Give a code point the next id; return the id plus one."""
        self.points.append(point)
        self._ids[point] = len(self.points)
        return len(self.points)

    def _count(self, ids: npt.NDArray[np.uint32]) -> None:
        self._grow(len(self.points))
        ids -= 1
        if self._matrix is not None:
            count_bigrams(ids, len(self._matrix), out=self._matrix)
            return
        self._held.append(ids)
        self._num_held += len(ids)
        if self._num_held >= _HELD_POINTS:
            self._flush()

    def _grow(self, needed: int) -> None:
        old = self._matrix
        if old is None or needed <= len(old):
            return
        if needed <= _DENSE_LIMIT:
            size = max(256, 1 << (needed - 1).bit_length())
            self._matrix = np.zeros((size, size), dtype=np.int64)
            self._matrix[: len(old), : len(old)] = old
            return
        rows, columns = np.nonzero(old)
        self._sum.add(_sparse(rows, columns, old[rows, columns], _NUM_POINTS))
        self._matrix = None

    def _flush(self) -> None:
        offsets = np.cumsum([0, *map(len, self._held)], dtype=np.int64)
        tokens = np.concatenate(self._held)
        self._sum.add(count_bigrams_sparse(tokens, _NUM_POINTS, offsets=offsets))
        self._held, self._num_held = [], 0

    def pairs(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Dense]:
        """Return the first and the second id of each pair, and its count, all of shape (n,)."""
        if self._matrix is not None:
            rows, columns = np.nonzero(self._matrix)
            return rows, columns, self._matrix[rows, columns]
        if self._held:
            self._flush()
        total = self._sum.total()
        assert total is not None
        rows = np.repeat(np.arange(_NUM_POINTS), np.diff(total.indptr))
        return rows, total.indices, total.data


def _sparse(rows: npt.NDArray[Any], columns: npt.NDArray[Any], counts: Dense, size: int) -> Csr:
    """Sum counts by row and column into a (size, size) matrix with sorted indices."""
    from scipy.sparse import csr_array

    triples: Any = (counts, (rows, columns))
    matrix: Csr = csr_array(triples, shape=(size, size))
    matrix.sum_duplicates()
    return matrix


def add_up(
    parts: Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any], Dense]], size: int
) -> Dense | Csr:
    """Sum counts of pairs of ids into a (size, size) matrix, dense if it is small."""
    rows, columns, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if size > _DENSE_LIMIT:
        return _sparse(rows, columns, counts, size)
    total = np.zeros((size, size), dtype=np.int64)
    np.add.at(total, (rows, columns), counts)
    return total
