"""A text of words like those of a corpus: Zipf's law, and successors that repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SUCCESSORS = 64


def _words(number: int, rng: np.random.Generator) -> np.ndarray:
    """Return different words of two to nine letters, the first ones short."""
    words: set[bytes] = set()
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    while len(words) < number:
        drawn = rng.choice(letters, (number, 9))
        lengths = rng.integers(2, 10, number)
        words.update(row[:n].tobytes() for row, n in zip(drawn, lengths, strict=True))
    ordered = sorted(words, key=lambda word: (len(word), word))[:number]
    return np.array(ordered, object)


def write_text(path: Path, megabytes: float, *, types: int = 240_000) -> None:
    """Write lines of 20 words; 55 MB have about 200,000 types and two million distinct pairs."""
    rng = np.random.default_rng(0)
    number = max(10, int(megabytes * 1e6 / 89))  # a line takes about 89 bytes
    cumulative = np.cumsum(1.0 / (np.arange(types) + 4.0))
    cumulative /= cumulative[-1]

    def zipf(uniform: np.ndarray) -> np.ndarray:
        return np.minimum(np.searchsorted(cumulative, uniform), types - 1)

    successors = np.cumsum(1.0 / np.arange(1, _SUCCESSORS + 1))
    current = zipf(rng.random(number))
    columns = [current]
    for _ in range(19):
        which = np.searchsorted(successors, rng.random(number) * successors[-1])
        usual = zipf((current * 2654435761 + which * 320_222_137) % 2**31 / 2**31)
        current = np.where(rng.random(number) < 0.975, usual, zipf(rng.random(number)))
        columns.append(current)
    words = _words(types, rng)
    path.write_bytes(b"".join(b" ".join(words[line]) + b"\n" for line in np.stack(columns, 1)))


def num_pairs(path: Path) -> int:
    """Return the number of bigrams that the header of an ARPA file states."""
    with open(path, "rb") as file:
        return int([next(file) for _ in range(3)][2].split(b"=")[1])
