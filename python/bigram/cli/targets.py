"""Where a command may write: not over what it reads, nor over files of other programs."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from bigram.corpus.opening import expand_paths

__all__ = ["ARPA_ENDINGS", "check_target"]

ARPA_ENDINGS = (".arpa", ".arpa.gz")

_HEAD_BYTES = 4096
_OTHER_FORMATS = re.compile(  # that a file of this name would be expected to have
    r"\.(arpa|bin|bz2|csv|gz|json|jsonl|npy|npz|parquet|pdf|pickle|pkl|png|pt|svg|tsv|txt|xz|zip|zst)",
    re.IGNORECASE,
)


def check_target(
    path: str,
    inputs: Iterable[str] = (),
    *,
    force: bool,
    endings: tuple[str, ...] | None = None,
    option: str = "output",
) -> None:
    """Check that a command may write to `path`, before it begins its work.

    Parameters
    ----------
    path : str
    inputs : iterable of str
        What the command reads: files, patterns, or ``"-"``.
    force : bool
        Whether a file that this package has not written may be overwritten.
    endings : tuple of str, optional
        Names that end in another known format are refused, because the file would not have it.
        None for a picture, whose format the name chooses.
    option : str
        What the error calls the path.

    Raises
    ------
    ValueError
        If the path is empty, is one of the inputs, names another format, or is an existing file
        of another program.
    """
    if not path:
        raise ValueError(f"{option} = '', wanted the name of a file")
    other = _OTHER_FORMATS.fullmatch(os.path.splitext(path)[1])
    if endings is not None and other and not path.endswith(endings):
        raise ValueError(f"{option} = {path}, wanted a name that ends in {', '.join(endings)}")
    if any(_same_file(path, other) for other in _files(inputs)):
        raise ValueError(f"{option} = {path} is also an input, which would be overwritten")
    if not force and not _may_be_replaced(path):
        raise ValueError(
            f"{option} = {path} exists and is not a file of bigram; --force overwrites it"
        )


def _files(inputs: Iterable[str]) -> Iterator[str]:
    for path in inputs:
        if path == "-":
            yield path
        elif path:
            # A pattern that matches nothing is an error of the command that reads it.
            try:
                yield from expand_paths(path)
            except FileNotFoundError:
                continue


def _same_file(target: str, source: str) -> bool:
    """Tell whether two names lead to one file: by path, by link, or but for upper and lower case.

    Names that differ by case are one file on some systems and become one when copied there.
    """
    first = _status(target)
    if first is not None and not stat.S_ISREG(first.st_mode):
        return False  # a device or a pipe keeps nothing that could be lost
    second = _status(source)
    if first is not None and second is not None and os.path.samestat(first, second):
        return True
    return source != "-" and _folded(target) == _folded(source)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.fstat(sys.stdin.fileno()) if path == "-" else os.stat(path)
    except (AttributeError, OSError, ValueError):  # closed, replaced, or missing
        return None


def _folded(path: str) -> str:
    return os.path.realpath(path).casefold()


def _may_be_replaced(path: str) -> bool:
    """Tell whether `path` is free, a device, an empty file, or a file that bigram wrote."""
    status = _status(path)
    if status is None or not stat.S_ISREG(status.st_mode) or not status.st_size:
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
            if head.startswith(b"PAR1"):
                return b"bigram" in _parquet_footer(file)
            file.seek(max(0, status.st_size - _HEAD_BYTES))
            tail = file.read()
    except OSError:
        return True  # the command that writes the file says why it cannot
    if head.startswith(b"\x1f\x8b"):
        with contextlib.suppress(OSError, EOFError, zlib.error), gzip.open(path) as packed:
            head = packed.read(_HEAD_BYTES)
    if head.startswith(b"PK"):
        return b"bigram.npy" in tail
    if head.startswith((b"\x89PNG", b"%PDF", b"%!PS", b"<?xml")):
        return b"bigram" in head + tail
    stored = head[8:9] == b"{" and b'"format": "bigram"' in head
    return stored or head.startswith((b"# bigram ", b"\\data\\\nngram 1="))


def _parquet_footer(file: BinaryIO) -> bytes:
    """Return the metadata of a Parquet file, which stand before their length and four letters."""
    end = file.seek(-8, os.SEEK_END)
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(0, end - length))
    return file.read(min(length, end))
