"""Text files as blocks of clean bytes, all read into one buffer.

A block contains whole UTF-8 characters, without the byte-order mark. In a file of lines each line,
the last one included, ends with one newline, and carriage returns before newlines are removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bigram.corpus.formats import HEAD_BYTES, wrong_text
from bigram.corpus.opening import Reader, open_binary

__all__ = ["BLOCK_BYTES", "Block", "read_blocks"]


BLOCK_BYTES = 1 << 20  # stays in the second-level cache between reading and counting
_NEWLINE, _RETURN = 10, 13
_BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Bytes ``data[1:]``; ``data[0]`` is the byte before them, a newline at the start of a file.

    The next block overwrites the memory.
    """

    data: npt.NDArray[np.uint8]
    ascii: bool
    first: bool  # of its file
    last: bool
    num_read: int  # bytes of the file that were read for it


def read_blocks(path: str, *, lines: bool, errors: str) -> Iterator[Block]:
    """Yield the blocks of a file: at least one, which is empty for an empty file.

    Parameters
    ----------
    path : str
        As `open_binary` takes it.
    lines : bool
        Whether the sequences of the file are its lines.
    errors : {"strict", "replace"}
        Whether invalid UTF-8 is an error or becomes U+FFFD.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is invalid UTF-8 (the error names the file and the byte), or of another kind,
        which the error names: UTF-16, compressed under another name, Parquet, ...
    """
    # Allocating a buffer takes longer than reading a small file into it, so one buffer is kept.
    buffer = _spare.pop() if _spare else bytearray(2 + BLOCK_BYTES)
    try:
        with open_binary(path) as stream:
            yield from _blocks(stream, buffer, path, lines, errors)
    finally:
        _spare[:] = [buffer]


_spare: list[bytearray] = []


def _blocks(
    stream: Reader, buffer: bytearray, path: str, lines: bool, errors: str
) -> Iterator[Block]:
    """Read and clean one block after another.

    The bytes of a block end at `keep`. What follows, up to `stop`, cannot be decoded or decided yet
    and is moved to the front of the buffer, where `held` bytes wait for the next read. Cleaning in
    place leaves `data` a view of the buffer; only carriage returns and replacements make a copy.
    """
    view = memoryview(buffer)
    array = np.frombuffer(buffer, dtype=np.uint8)
    held, offset, before, first, last = 0, 0, _NEWLINE, True, False
    while not last:
        # The first byte is for the byte before, the last one for a missing newline at the end.
        count, last = _fill(stream, view[1 + held : -1])
        start, stop = 1, 1 + held + count
        if first:
            _check_kind(view[1 : min(stop, 1 + HEAD_BYTES)].tobytes(), path)
        keep = stop if last else stop - _incomplete(view[max(start, stop - 3) : stop], lines)
        if first and buffer.startswith(_BOM, 1, keep):
            start += len(_BOM)
        data = array[start - 1 : keep]
        data[0] = before
        ascii_only = keep == start or bool(array[start:keep].max() < 128)
        if not ascii_only and errors == "strict":
            _check_utf8(data[1:], path, offset + start - 1)
        if lines and buffer.find(_RETURN, start, keep) >= 0:
            data = _without_returns(data, last)
        if not ascii_only and errors == "replace":
            data = _with_first(before, data[1:].tobytes().decode("utf-8", "replace").encode())
        if lines and last and data[-1] != _NEWLINE:  # end the last line too
            if data.base is array:
                data = array[start - 1 : keep + 1]
                data[-1] = _NEWLINE
            else:
                data = np.append(data, np.uint8(_NEWLINE))
        yield Block(data, ascii_only, first, last, count)
        before, first = int(data[-1]), False
        offset += keep - 1
        held = stop - keep
        view[1 : 1 + held] = view[keep:stop]


def _fill(stream: Reader, view: memoryview) -> tuple[int, bool]:
    """Fill the view; return the number of bytes read and whether the stream has ended."""
    total = 0
    while total < len(view):
        count = stream.readinto(view[total:])
        if not count:
            return total, True
        total += count
    return total, False


def _incomplete(tail: memoryview, lines: bool) -> int:
    """Return how many of the last bytes must wait for the bytes that follow them.

    They are the bytes of an incomplete character, or a carriage return that may precede a newline.
    """
    for count, byte in enumerate(reversed(tail), 1):
        if byte < 0x80:
            return int(count == 1 and lines and byte == _RETURN)
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return count if count < length else 0
    return 0


def _check_kind(head: bytes, path: str) -> None:
    """Name a file of another kind; with errors="replace" it would be read as garbage."""
    problem = wrong_text(head)
    if problem is not None:
        raise ValueError(f"{path}: {problem}")


def _check_utf8(data: npt.NDArray[np.uint8], path: str, offset: int) -> None:
    try:
        data.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        place = offset + error.start
        raise ValueError(
            f"{path}: byte {place} (0x{data[error.start]:02x}) is invalid UTF-8: {error.reason}; "
            'errors="replace" reads such bytes as U+FFFD'
        ) from None


def _without_returns(data: npt.NDArray[np.uint8], last: bool) -> npt.NDArray[np.uint8]:
    text = data[1:].tobytes().replace(b"\r\n", b"\n")
    if last and text.endswith(b"\r"):
        text = text[:-1] + b"\n"
    return _with_first(int(data[0]), text)


def _with_first(first: int, rest: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytearray([first]) + rest, dtype=np.uint8)
