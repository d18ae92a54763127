"""Readable twins of the sampling kernels: the same tokens, drawn one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["multinomial", "philox", "sample_sequences"]

_MASK32 = 2**32 - 1


def philox(seed: int, block: int, sequence: int) -> list[int]:
    """Return the four words of a block of Philox 4x32-10 (Salmon et al. 2011)."""
    c0, c1 = block & _MASK32, block >> 32
    c2, c3 = sequence & _MASK32, sequence >> 32
    key0, key1 = seed & _MASK32, seed >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (p1 >> 32) ^ c1 ^ key0, p1 & _MASK32
        c2, c3 = (p0 >> 32) ^ c3 ^ key1, p0 & _MASK32
        key0, key1 = (key0 + 0x9E3779B9) & _MASK32, (key1 + 0xBB67AE85) & _MASK32
    return [c0, c1, c2, c3]


def _word32(seed: int, sequence: int, draw: int) -> int:
    return philox(seed, draw // 4, sequence)[draw % 4]


def _word64(seed: int, sequence: int, draw: int) -> int:
    words = philox(seed, draw // 2, sequence)
    return words[2 * (draw % 2)] | words[2 * (draw % 2) + 1] << 32


def integer_weights(weights: npt.NDArray[Any]) -> list[int]:
    """Round weights to multiples of a power of two, the largest to 51 bits (less from 4,097 on)."""
    row = weights.astype(np.float64)
    bits = min(51, 63 - (len(row) - 1).bit_length())
    exponent = int(np.frexp(row.max())[1])
    return [int(q) for q in np.rint(np.ldexp(row, bits - exponent))]


def multinomial(probs: npt.NDArray[Any], num_samples: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Find a 64-bit random number in the cumulative sums of each row (rows, cols)."""
    samples = np.empty((len(probs), num_samples), np.int64)
    for r, row in enumerate(probs):
        sums = np.cumsum(integer_weights(row))
        for k in range(num_samples):
            target = _word64(seed, r, k) * int(sums[-1]) >> 64
            samples[r, k] = np.searchsorted(sums, target, side="right")
    return samples


def alias_row(weights: npt.NDArray[Any], unit_bits: int) -> list[tuple[int, int]]:
    """Return (threshold, alias) of each of the 2**b cells; a cell holds 2**(unit_bits - b)."""
    integers = integer_weights(weights)
    scale = float(2**unit_bits) / float(sum(integers))
    units = [int(np.rint(float(q) * scale)) for q in integers]
    while (excess := sum(units) - 2**unit_bits) != 0:  # one unit each, from the first on
        movable = [j for j, u in enumerate(units) if u > (excess > 0)]
        for j in movable[: abs(excess)]:
            units[j] -= 1 if excess > 0 else -1
    cells = 2 ** max(1, (len(units) - 1).bit_length())
    capacity = 2**unit_bits // cells
    units += [0] * (cells - len(units))
    light = [j for j, u in enumerate(units) if u < capacity][::-1]
    heavy = [j for j, u in enumerate(units) if u >= capacity][::-1]
    table = [(0, 0)] * cells
    token = heavy.pop()
    mass = units[token]
    for _ in range(cells):
        if mass > capacity:
            topped = light.pop()
            table[topped] = (units[topped], token)
            mass -= capacity - units[topped]
        elif mass == capacity:
            table[token] = (0, token)
            token = heavy.pop() if heavy else token
            mass = units[token]
        else:
            following = heavy.pop()
            table[token] = (mass, following)
            mass, token = units[following] - (capacity - mass), following
    return table


def sample_sequences(
    probs: npt.NDArray[Any],
    starts: npt.NDArray[Any],
    *,
    max_length: int,
    stop: int | None = None,
    seed: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw each token from the alias table of the one before it."""
    vocab_size = len(probs)
    cell_bits = max(1, (vocab_size - 1).bit_length())
    wide = vocab_size > 4096
    unit_bits, word_bits = (51, 64) if wide else (32, 32)
    word = _word64 if wide else _word32
    rows: dict[int, list[tuple[int, int]]] = {}
    tokens: list[int] = []
    offsets = [0]
    for chain, start in enumerate(starts.tolist()):
        token = start
        for t in range(max_length):
            if token not in rows:
                rows[token] = alias_row(probs[token], unit_bits)
            cell, rest = divmod(word(seed, chain, t), 2 ** (word_bits - cell_bits))
            threshold, alias = rows[token][cell]
            token = cell if rest >> (word_bits - unit_bits) < threshold else alias
            if token == stop:
                break
            tokens.append(token)
        offsets.append(len(tokens))
    return np.array(tokens, np.int64), np.array(offsets)
