"""Kinds of file by their first bytes, so that a file of another kind is named and not read."""

from __future__ import annotations

import codecs

__all__ = ["HEAD_BYTES", "binary_kind", "looks_like_text", "wrong_text"]

HEAD_BYTES = 1024

_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"PAR1", "Parquet"),
    (b"ARROW1\x00\x00", "Arrow"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff\xe0", "JPEG"),
    (b"%PDF-", "PDF"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x7fELF", "ELF"),
)
_ENDINGS = {"gzip": ".gz", "Zstandard": ".zst"}  # of the compressed files that a corpus takes
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # what follows "BZh" and a digit
_SAFETENSORS = 8  # bytes of length before its JSON
_SHORTEST = 16  # bytes; fewer may be text or anything else
_ALLOWED_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def binary_kind(head: bytes) -> str | None:
    """Return the name of a known kind of binary file that begins with `head`, or None."""
    for magic, kind in _MAGIC:
        if head.startswith(magic) and (kind != "bzip2" or head[4:10] in _BZIP2_BLOCKS):
            return kind
    length = int.from_bytes(head[:_SAFETENSORS], "little")
    if head[_SAFETENSORS : _SAFETENSORS + 2] == b'{"' and 2 <= length < 1 << 32:
        return "safetensors"
    return None


def looks_like_text(head: bytes) -> bool:
    """Tell whether bytes can only be text: valid UTF-8, long enough, without control characters."""
    if len(head) < _SHORTEST:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return all((byte >= 32 and byte != 127) or byte in _ALLOWED_CONTROLS for byte in head)


def wrong_text(head: bytes) -> str | None:
    """Return why a file that begins with `head` is not text in UTF-8, and what to do; or None."""
    encoding = _other_encoding(head)
    if encoding is not None:
        return f"is text in {encoding}, wanted UTF-8: `iconv -f {encoding} -t UTF-8` converts it"
    kind = binary_kind(head)
    if kind in _ENDINGS:
        ending = _ENDINGS[kind]
        return f"is compressed by {kind}, wanted text, or a file whose name ends in {ending}"
    if kind is not None and kind != "PDF":  # text may begin with %PDF-
        return f"is a {kind} file, wanted text in UTF-8"
    return None


def _other_encoding(head: bytes) -> str | None:
    """Recognise UTF-32 and UTF-16 by the byte-order mark, or by the zeros of ASCII text."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    pairs = len(head) // 2 * 2
    even, odd = head[:pairs:2], head[1:pairs:2]
    if pairs >= _SHORTEST and not any(odd) and all(even):
        return "UTF-16LE"
    if pairs >= _SHORTEST and not any(even) and all(odd):
        return "UTF-16BE"
    return None
