"""Normal numbers of many uniform ones, as torch makes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["box_muller_blocks"]


def box_muller_blocks(uniforms: NDArray[Any]) -> NDArray[Any]:
    """Turn blocks of 16 uniforms into normals: element j < 8 is paired with element j + 8.

    The angle is rounded to the dtype, as in torch; log, sin and cos are evaluated in float64.
    """
    dtype = uniforms.dtype.type
    pairs = uniforms.reshape(-1, 2, 8)
    logarithm = np.log((1 - pairs[:, 0]).astype(np.float64)).astype(dtype)
    radius = np.sqrt(dtype(-2) * logarithm)
    angle = (dtype(2 * math.pi) * pairs[:, 1]).astype(np.float64)
    values = np.empty_like(pairs)
    values[:, 0] = radius * np.cos(angle).astype(dtype)
    values[:, 1] = radius * np.sin(angle).astype(dtype)
    return values.reshape(-1)
