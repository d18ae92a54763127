"""Twin of the encoding of characters."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

__all__ = ["encode_characters"]


def encode_characters(
    text: bytes, table: npt.NDArray[Any], *, missing: int | None = None
) -> tuple[list[int], int]:
    """Look up each character of UTF-8 text; stop before the first whose entry is `missing`."""
    ids: list[int] = []
    num_bytes = 0
    for character in text.decode("utf-8", "surrogatepass"):
        index = int(table[min(ord(character), len(table) - 1)])
        if index == missing:
            break
        ids.append(index)
        num_bytes += len(character.encode("utf-8", "surrogatepass"))
    return ids, num_bytes
