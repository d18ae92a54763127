"""Text files as blocks of clean bytes: read into one buffer that is used again and again.

A block holds whole UTF-8 characters, without byte-order mark. In files of lines every line ends
with one newline, the last one too, and carriage returns before newlines are gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bigram.corpus.opening import Reader, open_binary

__all__ = ["BLOCK_BYTES", "Block", "read_blocks"]


BLOCK_BYTES = 1 << 20  # stays in the second-level cache between reading and counting
_NEWLINE, _RETURN = 10, 13
_BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Bytes ``data[1:]``; ``data[0]`` is the byte before them, a newline at the start of a file.

    The memory is used again for the next block.
    """

    data: npt.NDArray[np.uint8]
    ascii: bool
    first: bool  # of its file
    last: bool
    num_read: int  # bytes of the file that went into it


def read_blocks(path: str, *, lines: bool, errors: str) -> Iterator[Block]:
    """Yield the blocks of a file; at least one, perhaps empty, of which the last is marked.

    Parameters
    ----------
    path : str
        As `open_binary` takes it.
    lines : bool
        Whether the file is one of lines.
    errors : {"strict", "replace"}
        What to do with bytes that are no UTF-8.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        For invalid UTF-8, with file and byte offset.
    """
    # Fresh memory costs more than reading a small file into it, so one buffer is kept.
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
    view = memoryview(buffer)
    array = np.frombuffer(buffer, dtype=np.uint8)
    held, offset, before, first, last = 0, 0, _NEWLINE, True, False
    while not last:
        # Slot 0 is for the byte before, the last one for a newline that is missing at the end.
        count, last = _fill(stream, view[1 + held : -1])
        start, stop = 1, 1 + held + count
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
        if lines and last and data[-1] != _NEWLINE:
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
    """Return how many of the last bytes must wait for what follows them.

    Those of a character that is not complete, and of a carriage return before a newline.
    """
    for count, byte in enumerate(reversed(tail), 1):
        if byte < 0x80:
            return int(count == 1 and lines and byte == _RETURN)
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return count if count < length else 0
    return 0


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
