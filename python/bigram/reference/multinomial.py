"""Twin of draws from rows of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.reference.philox import word64

__all__ = ["integer_weights", "multinomial"]


def integer_weights(weights: npt.NDArray[Any]) -> list[int]:
    """Round weights to multiples of a power of two, so that their sums are exact.

    The largest has 51 bits, fewer beyond 4,096 weights, so that the sum fits in 63.
    """
    row = weights.astype(np.float64)
    bits = min(51, 63 - (len(row) - 1).bit_length())
    exponent = int(np.frexp(row.max())[1])
    return [int(q) for q in np.rint(np.ldexp(row, bits - exponent))]


def multinomial(probs: npt.NDArray[Any], num_samples: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Find a random number in the cumulative sums of each row (rows, cols).

    Draw k of row r takes 64-bit word k of sequence r, scaled to the sum of the row.
    """
    samples = np.empty((len(probs), num_samples), np.int64)
    for r, row in enumerate(probs):
        sums = np.cumsum(integer_weights(row))
        for k in range(num_samples):
            target = word64(seed, r, k) * int(sums[-1]) >> 64
            samples[r, k] = np.searchsorted(sums, target, side="right")
    return samples
