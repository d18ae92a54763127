"""Draws from rows of weights, with replacement."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    bad_dtype,
    bad_kind,
    bad_shape,
    check_index,
    check_seed,
    native,
    refuse_masked,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["multinomial"]

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)


def multinomial(
    probs: npt.NDArray[Any],
    num_samples: int,
    *,
    seed: int | None = None,
    num_threads: int | None = None,
) -> npt.NDArray[np.int64]:
    """Draw from each row of weights, with replacement.

    The cumulative sum is inverted in integers: weights are rounded to multiples of 2**-51 of the
    largest one (of 2**-(63 - log2(cols)) beyond 4,096 columns) and summed exactly, and a 64-bit
    random number picks the column. A weight of zero is never drawn.

    Parameters
    ----------
    probs : ndarray, shape (rows, cols) or (cols,), float32 or float64
        Weights: finite, not negative, and not all zero in a row. They do not need to sum to one.
        Integers and other floats are converted to float64.
    num_samples : int
        The number of draws from each row.
    seed : int, optional
        In [0, 2**64); None draws one from the system's entropy. Draw ``k`` of row ``r`` depends on
        the row, the seed, ``r`` and ``k`` alone, so fewer samples are a prefix of more.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The samples do not depend on it.

    Returns
    -------
    ndarray, shape (rows, num_samples) or (num_samples,), int64
        The columns that were drawn.

    Raises
    ------
    TypeError
        If weights are not integers or floats, or another argument has another type.
    ValueError
        If a weight is negative, nan or infinite, a row has no mass (the first is named), or a
        number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import multinomial
    >>> multinomial(np.array([[0.0, 1.0], [2.0, 0.0]]), 3, seed=1)
    array([[1, 1, 1],
           [0, 0, 0]])
    """
    weights = check_weights(probs)
    if weights.ndim == 1:
        weights = weights[None]
    elif weights.ndim != 2:
        raise bad_shape(probs, "probs", "one or two dimensions")
    rows, cols = weights.shape
    if cols == 0 and rows > 0:
        raise bad_shape(probs, "probs", "at least one column")
    samples = np.empty((rows, check_index(num_samples, "num_samples", 0, 2**62)), np.int64)
    fault, at = _core.multinomial(
        samples, weights, check_seed(seed), resolve_num_threads(num_threads)
    )
    if fault == "mass":
        place = f"[{at}]" if probs.ndim == 2 else ""
        raise ValueError(f"probs{place} has no mass: every weight is zero")
    if fault == "probs":
        raise bad_weight(probs, divmod(at, cols)[2 - probs.ndim :])
    return samples if probs.ndim == 2 else samples[0]


def check_weights(probs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not isinstance(probs, np.ndarray):
        raise bad_kind(probs, "probs", "a NumPy array")
    refuse_masked(probs, "probs")
    dtype, flags = probs.dtype, probs.flags
    if dtype in (_FLOAT32, _FLOAT64) and flags.c_contiguous and flags.aligned:
        return probs
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise bad_dtype(probs, "probs", "float32 or float64")
    single = dtype.kind == "f" and dtype.itemsize == 4
    return np.ascontiguousarray(native(probs), _FLOAT32 if single else _FLOAT64)


def bad_weight(probs: npt.NDArray[Any], place: tuple[int, ...]) -> ValueError:
    where = ", ".join(map(str, place))
    return ValueError(f"probs[{where}] = {probs[place]}, wanted a finite number >= 0")
