"""One id per byte."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bigram.common.checks import check_ids
from bigram.common.types import Ids, Json, Offsets
from bigram.corpus.unicode import utf8
from bigram.corpus.where import Where
from bigram.tokenizers.errors import boundary_inside
from bigram.tokenizers.ids import as_texts, batch_offsets, line_offsets
from bigram.tokenizers.protocol import Granularity

__all__ = ["ByteTokenizer"]


class ByteTokenizer:
    r"""One id per byte of UTF-8: 256 ids, and no unknown symbol.

    Parameters
    ----------
    boundary : str, int or None
        The byte before and after each sequence, as an ASCII character or a number in [0, 256).
        UTF-8 text never contains 255.

    Examples
    --------
    >>> ByteTokenizer().encode("né")
    array([110, 195, 169], dtype=uint8)
    >>> ByteTokenizer(boundary="\n").encode_batch(["a", "b"])
    (array([10, 97, 10, 10, 98, 10], dtype=uint8), array([0, 3, 6]))
    """

    granularity: ClassVar[Granularity] = "byte"
    vocab: tuple[str, ...] = tuple(chr(i) if i < 128 else f"<0x{i:02X}>" for i in range(256))
    vocab_size: int = 256
    unknown_id: int | None = None

    def __init__(self, boundary: str | int | None = None) -> None:
        if isinstance(boundary, str):
            if len(boundary) != 1 or not boundary.isascii():
                raise ValueError(f"boundary = {boundary!r}, wanted a single ASCII character")
            boundary = ord(boundary)
        if boundary is not None:
            boundary = index(boundary)
            if not 0 <= boundary < 256:
                raise ValueError(f"boundary = {boundary} is outside [0, 256)")
        self.boundary_id = boundary

    def token_id(self, symbol: str) -> int:
        """Return the id of one symbol; KeyError if it is not in the vocabulary."""
        if symbol not in self.vocab:
            raise KeyError(f"symbol {symbol!r} is not in the vocabulary")
        return self.vocab.index(symbol)

    def encode(self, text: str | bytes) -> Ids:
        """Return the bytes of `text`, without boundaries.

        Parameters
        ----------
        text : str, or a bytes-like object, of which the ids are a view

        Returns
        -------
        uint8 array, shape (n_bytes,)

        Raises
        ------
        ValueError
            If the text contains the boundary.

        Examples
        --------
        >>> ByteTokenizer().encode(b"abc")
        array([97, 98, 99], dtype=uint8)
        """
        return self.encode_piece(text, Where())

    def encode_piece(self, text: str | bytes, where: Where) -> Ids:
        """Encode part of a text that begins at `where`."""
        ids = np.frombuffer(_utf8(text), dtype=np.uint8)
        if self.boundary_id is not None and (ids == self.boundary_id).any():
            raise boundary_inside([ids.tobytes()], bytes([self.boundary_id]), where)
        return ids

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return the bytes of many texts, each between two boundaries if there is one.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        tokens : uint8 array, shape (n_tokens,)
        offsets : int64 array, shape (n_texts + 1,)

        Raises
        ------
        ValueError
            If a text contains the boundary.

        Examples
        --------
        >>> ByteTokenizer().encode_batch(["a", "bc"])
        (array([97, 98, 99], dtype=uint8), array([0, 1, 3]))
        """
        return self.encode_texts(as_texts(texts), Where())

    def encode_texts(self, texts: list[str], where: Where) -> tuple[Ids, Offsets]:
        """Encode a list of texts, the first of which is `where`."""
        encoded = [_utf8(text) for text in texts]
        if self.boundary_id is None:
            return np.frombuffer(b"".join(encoded), dtype=np.uint8), batch_offsets(encoded, 0)
        boundary = bytes([self.boundary_id])
        joined = (boundary * 2).join([b"", *encoded, b""])
        if joined.count(boundary) != 2 * (len(encoded) + 1):
            raise boundary_inside(encoded, boundary, where)
        return np.frombuffer(joined, dtype=np.uint8)[1:-1], batch_offsets(encoded, 2)

    def encode_lines(self, data: bytes, where: Where) -> tuple[Ids, Offsets]:
        """Encode whole lines of UTF-8, each with its newline."""
        mark = b"" if self.boundary_id is None else bytes([self.boundary_id])
        if mark in (b"", b"\n") or mark not in data:
            joined = mark + data.replace(b"\n", mark * 2)
            ids = np.frombuffer(joined, dtype=np.uint8)[: len(joined) - len(mark)]
            return ids, line_offsets(data, 2 * len(mark))
        return self.encode_texts(data.decode().split("\n")[:-1], where)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of the bytes; invalid UTF-8 becomes U+FFFD.

        Parameters
        ----------
        ids : integers in [0, 256), shape (n,)

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If an id is outside [0, 256).

        Examples
        --------
        >>> ByteTokenizer().decode([110, 195, 169])
        'né'
        """
        data = check_ids(ids, 256).astype(np.uint8, copy=False).tobytes()
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def to_json(self) -> Json:
        """Return a JSON-compatible description, read by `from_json`."""
        return {"kind": "byte", "boundary": self.boundary_id}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByteTokenizer) and self.boundary_id == other.boundary_id

    def __hash__(self) -> int:
        return hash((ByteTokenizer, self.boundary_id))

    def __repr__(self) -> str:
        return f"ByteTokenizer(boundary={self.boundary_id})"


def _utf8(text: str | bytes) -> bytes:
    """Return a str as UTF-8, and bytes as they are."""
    return utf8(text) if isinstance(text, str) else text
