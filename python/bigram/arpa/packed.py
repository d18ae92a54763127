"""The bytes of a file that may be compressed, within bounds."""

from __future__ import annotations

import zlib
from typing import Any

__all__ = ["is_packed", "unpacked"]

# What a file may unpack to whatever its size, and for each of its bytes: ARPA files shrink 3 to 20
# times.
_FREE_BYTES, _BYTES_PER_BYTE = 1 << 26, 64
_CHUNK = 1 << 20
_LZMA_MEMORY = 1 << 28

_FORMS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}


def is_packed(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is gzipped, or packed by bzip2 or xz."""
    return head.startswith(tuple(_FORMS))


def unpacked(data: bytes, name: str) -> bytes:
    """Return the bytes as they are, or unpacked if they begin as gzip, bzip2 or xz do.

    Raises
    ------
    ValueError
        If they are damaged, or unpack to far more than their size; `name` is that of the file.
    """
    start = next((start for start in _FORMS if data.startswith(start)), None)
    if start is None:
        return data
    import lzma

    form = _FORMS[start]
    most = _FREE_BYTES + _BYTES_PER_BYTE * len(data)
    parts: list[bytes] = []
    size = 0
    try:
        while data:  # of one member after the other; zeros may fill up the end
            stream = _decompressor(form)
            while not stream.eof:
                part = stream.decompress(data, _CHUNK)
                data = stream.unconsumed_tail if form == "gzip" else b""
                if not part and not data and not stream.eof:
                    raise EOFError("it ends early")
                parts.append(part)
                size += len(part)
                if size > most:
                    raise ValueError(f"it unpacks to more than {most} bytes, refused as too many")
            data = stream.unused_data.lstrip(b"\0")
    except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise ValueError(f"{name}: the {form} data is damaged: {error}") from None
    return b"".join(parts)


def _decompressor(form: str) -> Any:
    if form == "gzip":
        return zlib.decompressobj(wbits=31)
    # Imported where they are met: with the package they would take 3 ms.
    if form == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
