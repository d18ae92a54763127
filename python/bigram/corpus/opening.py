"""Opening the files of a corpus: patterns, compression, standard input."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from bigram.common.checks import bad_kind
from bigram.common.optional import needs
from bigram.common.types import StrPaths
from bigram.common.waiting import announcing_a_wait

__all__ = ["Reader", "are_files", "expand_paths", "open_binary", "total_bytes"]


class Reader(Protocol):
    """A binary stream."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a buffer, or less of it; return the number of bytes, 0 at the end of the stream."""


def expand_paths(paths: StrPaths) -> tuple[str, ...]:
    """Return the paths as str, each pattern with ``*``, ``?`` or ``[`` replaced by its matches.

    Raises
    ------
    TypeError
        If a path is neither a str nor a PathLike.
    FileNotFoundError
        If a pattern matches nothing.
    ValueError
        If `paths` is empty.
    """
    if isinstance(paths, (bytes, str, os.PathLike)) or not isinstance(paths, Iterable):
        paths = [paths]
    result: list[str] = []
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise bad_kind(path, "path", "str or PathLike")
        name = os.fspath(path)
        if not any(c in name for c in "*?[") or os.path.lexists(name):
            result.append(name)
            continue
        from glob import glob

        matches = sorted(glob(name, recursive=True))
        if not matches:
            raise FileNotFoundError(f"no file matches {name}")
        result += matches
    if not result:
        raise ValueError("paths is empty: wanted at least one path")
    return tuple(result)


def are_files(paths: Iterable[str]) -> bool:
    """Tell whether all paths are regular files, which can be read more than once."""
    return all(map(os.path.isfile, paths))


def total_bytes(paths: Iterable[str]) -> int | None:
    """Return the size of all files together, None if it is not known before reading."""
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
        If the file cannot be opened, or its compressed data are damaged or truncated.
    """
    if path == "-":
        yield _standard_input()
        return
    if not path.endswith((".gz", ".zst")):
        with announcing_a_wait(path):
            plain = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
        with plain:
            yield plain
        return
    try:
        with _open_gzip(path) if path.endswith(".gz") else _open_zstd(path) as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise OSError(f"{path}: damaged or truncated: {error}") from error


def _standard_input() -> Reader:
    if sys.stdin is None:
        raise OSError("standard input is closed")
    binary: Reader | None = getattr(sys.stdin, "buffer", None)
    if binary is None:  # replaced by a stream of str
        return io.BytesIO(sys.stdin.read().encode("utf-8", "surrogateescape"))
    return binary


@contextmanager
def _open_gzip(path: str) -> Iterator[Reader]:
    with announcing_a_wait(path):
        stream = gzip.open(path, "rb")  # noqa: SIM115 - closed below
    with stream:
        yield stream


@contextmanager
def _open_zstd(path: str) -> Iterator[Reader]:
    # It reads several frames, and notices one that is cut short.
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        with needs("backports.zstd", extra="zstd", purpose=f"reading {path}"):
            from backports import zstd
    with announcing_a_wait(path):
        opened = zstd.open(path, "rb")
    with opened as stream:
        try:
            yield stream
        except zstd.ZstdError as error:
            raise OSError(f"{path}: not a Zstandard file, or damaged: {error}") from error
