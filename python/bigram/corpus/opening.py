"""Opening the files of a corpus: patterns, compression, standard input."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import glob
from typing import Any, BinaryIO, Protocol

from bigram.common.optional import needs
from bigram.common.types import StrPaths

__all__ = ["Reader", "expand_paths", "open_binary", "total_bytes"]

_ZSTD_BYTES = 1 << 11  # of compressed data at a time: 64 MiB of text at the very most


class Reader(Protocol):
    """A binary stream."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a buffer as far as the stream goes."""


def expand_paths(paths: StrPaths) -> tuple[str, ...]:
    """Return the paths as str, patterns with ``*``, ``?`` or ``[`` replaced by what they match.

    Raises
    ------
    TypeError
        If a path is neither str nor PathLike.
    FileNotFoundError
        If a pattern matches nothing.
    ValueError
        If there is no path.
    """
    if isinstance(paths, (bytes, str, os.PathLike)) or not isinstance(paths, Iterable):
        paths = [paths]
    result: list[str] = []
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"path is {type(path).__name__}, wanted str or PathLike")
        name = os.fspath(path)
        if not any(c in name for c in "*?[") or os.path.lexists(name):
            result.append(name)
            continue
        matches = sorted(glob(name, recursive=True))
        if not matches:
            raise FileNotFoundError(f"no file matches {name}")
        result += matches
    if not result:
        raise ValueError("paths is empty: wanted at least one path")
    return tuple(result)


def total_bytes(paths: Iterable[str]) -> int | None:
    """Return the size of all files together, None where that is not known before reading."""
    total = 0
    for path in paths:
        if path == "-" or path.endswith((".gz", ".zst")) or not os.path.isfile(path):
            return None
        total += os.path.getsize(path)
    return total


@contextmanager
def open_binary(path: str) -> Iterator[Reader]:
    """Open a file for reading: plain, ``.gz``, ``.zst``, or ``-`` for standard input.

    Raises
    ------
    OSError
        If it cannot be opened, or its compressed data are damaged.
    """
    if path == "-":
        yield _standard_input()
        return
    if not path.endswith((".gz", ".zst")):
        with open(path, "rb", buffering=0) as plain:
            yield plain
        return
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else _open_zstd(path) as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise OSError(f"{path}: damaged or truncated compressed file ({error})") from error


def _standard_input() -> Reader:
    if sys.stdin is None:
        raise OSError("standard input is closed")
    binary: Reader | None = getattr(sys.stdin, "buffer", None)
    if binary is None:  # replaced by a stream of str
        return io.BytesIO(sys.stdin.read().encode("utf-8", "surrogateescape"))
    return binary


@contextmanager
def _open_zstd(path: str) -> Iterator[Reader]:
    with needs("zstandard", extra="zstd", purpose=f"reading {path}"):
        import zstandard
    with open(path, "rb") as file:
        try:
            yield _ZstdStream(file, zstandard.ZstdDecompressor())
        except zstandard.ZstdError as error:
            raise OSError(f"{path}: damaged compressed file ({error})") from error


class _ZstdStream:
    """What is in the frames of a file; zstandard's own reader does not notice that one is cut."""

    def __init__(self, file: BinaryIO, decompressor: Any) -> None:
        self._file, self._decompressor = file, decompressor
        self._frame: Any = None
        self._packed, self._text = b"", memoryview(b"")

    def readinto(self, buffer: Any, /) -> int:
        while not self._text and self._more():
            pass
        count = min(len(buffer), len(self._text))
        buffer[:count] = self._text[:count]
        self._text = self._text[count:]
        return count

    def _more(self) -> bool:
        """Decompress the next bytes; False at the end of the file."""
        packed = self._packed or self._file.read(_ZSTD_BYTES)
        if not packed:
            if self._frame is not None:
                raise EOFError("the last frame has no end")
            return False
        if self._frame is None:
            self._frame = self._decompressor.decompressobj()
        self._text = memoryview(self._frame.decompress(packed))
        self._packed = b""
        if self._frame.eof:
            self._packed, self._frame = self._frame.unused_data, None
        return True
