"""Arrays that lie raw in a file, and the bytes of any array, by chunks and with their checksum."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigram.common.types import Array
from bigram.storage.stored_file import StoredFile

__all__ = ["StoredArray", "as_hex", "chunks", "little_endian"]


_CHUNK = 1 << 22  # bytes read or written at a time


@dataclass(frozen=True)
class StoredArray:
    """An array that lies raw and C-ordered in a file, to be read whole, in part, or mapped."""

    file: StoredFile
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    checksum: str = ""

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def nbytes(self) -> int:
        """Number of bytes."""
        return self.size * self.dtype.itemsize

    def read(self, start: int = 0, stop: int | None = None) -> Array:
        """Copy elements `start` to `stop` of the flattened array to memory, shape (n,)."""
        stop = self.size if stop is None else stop
        result = np.empty(stop - start, self.dtype)
        self.file.read_into(result.view(np.uint8).data, self.offset + start * self.dtype.itemsize)
        return result

    def load(self) -> Array:
        """Copy the whole array to memory; ValueError if it differs from its checksum."""
        result = self.read()
        self._check(zlib.crc32(result.data))
        return result.reshape(self.shape)

    def verify(self) -> None:
        """Read the array by chunks; ValueError if it differs from its checksum."""
        crc = 0
        for chunk in chunks(self):
            crc = zlib.crc32(chunk, crc)
        self._check(crc)

    def _check(self, crc: int) -> None:
        if as_hex(crc) != self.checksum:
            raise ValueError(f"{self.file.path}: damaged: an array differs from its checksum")

    def memmap(self) -> Array:
        """Map the array read-only: pages are read when they are used."""
        if self.size == 0:
            return np.empty(self.shape, self.dtype)
        with self.file.descriptor() as descriptor, open(descriptor, "rb", closefd=False) as file:
            return np.memmap(file, self.dtype, "r", self.offset, self.shape).view(np.ndarray)


def chunks(array: Array | StoredArray) -> Iterator[memoryview]:
    """Yield the bytes of an array, little-endian and C-ordered, by chunks."""
    step = max(1, _CHUNK // array.dtype.itemsize)
    if isinstance(array, StoredArray):
        for start in range(0, array.size, step):
            part = array.read(start, min(start + step, array.size))
            yield part.view(np.uint8).data
        return
    flat = array.reshape(-1) if array.flags.c_contiguous else np.ascontiguousarray(array).ravel()
    for start in range(0, flat.size, step):
        part = flat[start : start + step]
        yield part.astype(little_endian(part.dtype), copy=False).view(np.uint8).data


def little_endian(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype in the byte order of files."""
    little: np.dtype[Any] = dtype.newbyteorder("<")
    return little


def as_hex(crc: int) -> str:
    """Return a checksum as files hold it, in eight digits."""
    return f"{crc:08x}"
