"""Twin of the sequences drawn from a dense table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.reference.multinomial import integer_weights
from bigram.reference.philox import word32, word64

__all__ = ["alias_row", "prepare_sampler", "sample_sequences"]


def alias_row(weights: npt.NDArray[Any], unit_bits: int) -> list[tuple[int, int]]:
    """Return (threshold, alias) of each of the 2**b cells (Walker 1977; Vose 1991).

    Weights become units that sum to 2**unit_bits, and a cell holds 2**(unit_bits - b) of them. A
    light token is topped up by a heavy one, both in ascending order.
    """
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


def prepare_sampler(probs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the table itself: what the kernel keeps of it changes no draw."""
    return probs


def sample_sequences(
    probs: npt.NDArray[Any],
    starts: npt.NDArray[Any],
    *,
    max_length: int,
    stop: int | None = None,
    seed: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw each token from the alias table of the one before it.

    Token t of sequence s takes word t of sequence s: 32 bits up to 4,096 tokens, 64 bits beyond.
    Its high bits name a cell; the token is the cell's number if the rest is below its threshold.
    """
    vocab_size = len(probs)
    cell_bits = max(1, (vocab_size - 1).bit_length())
    wide = vocab_size > 4096
    unit_bits, word_bits = (51, 64) if wide else (32, 32)
    word = word64 if wide else word32
    rows: dict[int, list[tuple[int, int]]] = {}
    tokens: list[int] = []
    offsets = [0]
    for sequence, start in enumerate(starts.tolist()):
        token = start
        for t in range(max_length):
            if token not in rows:
                rows[token] = alias_row(probs[token], unit_bits)
            cell, rest = divmod(word(seed, sequence, t), 2 ** (word_bits - cell_bits))
            threshold, alias = rows[token][cell]
            token = cell if rest >> (word_bits - unit_bits) < threshold else alias
            if token == stop:
                break
            tokens.append(token)
        offsets.append(len(tokens))
    return np.array(tokens, np.int64), np.array(offsets)
