"""Where a text comes from, for error messages."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Where"]


class Where(NamedTuple):
    """Where the first of a list of texts comes from."""

    text_index: int = 0  # number of texts before it
    position: int = 0  # number of its characters that came before (a text read in pieces)
    path: str | None = None
    line: int = 0  # number of lines before it in the file

    def label(self, index: int) -> str:
        """Return how to refer to the text with this index in the list."""
        if self.path is None:
            return f"texts[{self.text_index + index}]"
        return f"{self.path}: line {self.line + index + 1}"

    def shift(self, index: int) -> int:
        """Return what to add to a position in the text with this index in the list."""
        return self.position if index == 0 else 0
