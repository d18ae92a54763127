"""Twin of the index of words, in plain Python."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["WordIndex"]

_SEPARATORS = b"\0\t\n\r "
_RESERVED = (b"<s>", b"</s>")


class WordIndex:
    """The distinct words of some texts and their counts, in the order of first occurrence."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def add(self, text: bytes) -> int:
        """Count the words of a text; return -1, or the position of a first ``<s>`` or ``</s>``."""
        for position, word in _split(text):
            if word in _RESERVED:
                return position
            self._counts[word] = self._counts.get(word, 0) + 1
        return -1

    def __len__(self) -> int:
        return len(self._counts)

    def words(self) -> list[bytes]:
        """Return the words, position = number."""
        return list(self._counts)

    def counts(self) -> list[int]:
        """Return how often each word occurred."""
        return list(self._counts.values())

    def ranked(self) -> list[int]:
        """Return the numbers by descending count, ties by the bytes of the words."""
        words, counts = self.words(), self.counts()
        return sorted(range(len(words)), key=lambda number: (-counts[number], words[number]))

    def encode(
        self,
        text: bytes,
        ids: Mapping[bytes, int],
        *,
        unknown: int | None = None,
        boundary: int | None = None,
        lines: bool = False,
    ) -> tuple[list[int], list[int], int]:
        """Return tokens, offsets, and the position of the first word that is an error, or -1.

        Here `ids` leads from a word to its id; the kernel takes an array by number.
        """
        tokens: list[int] = []
        offsets = [0]
        start = 0
        for line in text.split(b"\n")[:-1] if lines else [text]:
            edge = [boundary] if lines and boundary is not None else []
            tokens += edge
            for position, word in _split(line):
                if word in _RESERVED or (unknown is None and word not in ids):
                    return tokens, offsets, start + position
                tokens.append(ids.get(word, -1 if unknown is None else unknown))
            tokens += edge
            start += len(line) + 1
            if lines:
                offsets.append(len(tokens))
        return tokens, offsets, -1


def _split(text: bytes) -> list[tuple[int, bytes]]:
    """Return the words and where they begin; separators are NUL, tab, newline, CR and space."""
    words = []
    start = 0
    for end in range(len(text) + 1):
        if end == len(text) or text[end] in _SEPARATORS:
            if end > start:
                words.append((start, text[start:end]))
            start = end + 1
    return words
