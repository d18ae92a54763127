"""Types that many modules name."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Ids", "Json", "Offsets", "Path"]

Ids: TypeAlias = npt.NDArray[Any]  # uint8, uint16 or uint32: the smallest that holds vocab_size - 1


Offsets: TypeAlias = npt.NDArray[np.int64]


Json: TypeAlias = dict[str, Any]


Array: TypeAlias = npt.NDArray[Any]


Path = str | os.PathLike[str]
