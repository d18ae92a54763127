"""Twin of the counter-based generator, with the word layout that every sampler follows.

A random word is a function of its place alone: of the seed, the sequence (or row) and the number
of the draw within it. The layout is part of the file format of a seed, so it never changes.
"""

from __future__ import annotations

__all__ = ["philox", "word32", "word64"]

_MASK32 = 2**32 - 1


def philox(seed: int, block: int, sequence: int) -> list[int]:
    """Return the four 32-bit words of one block of Philox 4x32-10.

    Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". The key is
    the seed, the counter is (block, sequence); the low half of each comes first.
    """
    c0, c1 = block & _MASK32, block >> 32
    c2, c3 = sequence & _MASK32, sequence >> 32
    key0, key1 = seed & _MASK32, seed >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (p1 >> 32) ^ c1 ^ key0, p1 & _MASK32
        c2, c3 = (p0 >> 32) ^ c3 ^ key1, p0 & _MASK32
        key0, key1 = (key0 + 0x9E3779B9) & _MASK32, (key1 + 0xBB67AE85) & _MASK32
    return [c0, c1, c2, c3]


def word32(seed: int, sequence: int, draw: int) -> int:
    """Return 32-bit draw number `draw` of a sequence: four in a block."""
    return philox(seed, draw // 4, sequence)[draw % 4]


def word64(seed: int, sequence: int, draw: int) -> int:
    """Return 64-bit draw number `draw` of a sequence: two in a block, the low word first."""
    words = philox(seed, draw // 2, sequence)
    return words[2 * (draw % 2)] | words[2 * (draw % 2) + 1] << 32
