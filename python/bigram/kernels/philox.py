"""Words of the counter-based generator, Philox 4x32-10."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import check_index, check_seed

__all__ = ["philox"]

_LARGEST = 2**64 - 1


def philox(seed: int, block: int, sequence: int) -> npt.NDArray[np.uint32]:
    """Return four random words, a function of the arguments alone.

    Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011).

    Parameters
    ----------
    seed : int
        The key, in [0, 2**64).
    block, sequence : int
        The low and the high half of the counter, each in [0, 2**64).

    Returns
    -------
    ndarray, shape (4,), uint32

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is outside [0, 2**64).

    Examples
    --------
    >>> from bigram.kernels.philox import philox
    >>> philox(1, 0, 0)
    array([3823634032, 3842641596, 2515673792, 3054873127], dtype=uint32)
    """
    return _core.philox(
        check_seed(seed),
        check_index(block, "block", 0, _LARGEST),
        check_index(sequence, "sequence", 0, _LARGEST),
    )
