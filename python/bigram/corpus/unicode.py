"""Code points and UTF-8, lone surrogates included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["code_points", "utf8"]


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of `text`, lone surrogates included, read-only."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def utf8(text: str) -> bytes:
    """Return the UTF-8 form of `text`, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")
