"""Checks that more than one kernel, or what is built on them, makes of its arguments.

Each says what was got and what was wanted.
"""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LARGEST",
    "MAX_INT",
    "MAX_VOCAB_SIZE",
    "as_int64",
    "bad_token",
    "check_ids",
    "check_index",
    "check_inside",
    "check_int64",
    "check_number",
    "check_offsets",
    "check_out",
    "check_pairs",
    "check_real",
    "check_seed",
    "check_table",
    "check_tokens",
    "check_top_k",
    "check_vectors",
    "check_vocab_size",
    "is_ready",
    "native",
]


LARGEST = float(np.finfo(np.float64).max)
MAX_INT = 2**63 - 1
MAX_VOCAB_SIZE = 2**31 - 1
_TOKEN_DTYPES = frozenset(np.dtype(t) for t in (np.uint8, np.uint16, np.uint32, np.int32, np.int64))


def check_index(value: Any, name: str, low: int, high: int = MAX_INT) -> int:
    """Return an integer argument as int, checked to lie in [low, high]."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    number = operator.index(value)
    if not low <= number <= high:
        raise ValueError(f"{name} = {number} is outside [{low}, {high}]")
    return number


def check_vocab_size(value: Any) -> int:
    """Return the vocabulary size as int, at least 1."""
    if type(value) is int and 1 <= value <= MAX_VOCAB_SIZE:
        return value
    return check_index(value, "vocab_size", 1, MAX_VOCAB_SIZE)


def check_seed(seed: Any) -> int:
    """Return the seed as int in [0, 2**64); None draws one from the system's entropy."""
    if type(seed) is int and 0 <= seed < 2**64:
        return seed
    if seed is None:
        return int.from_bytes(os.urandom(8), "little")
    return check_index(seed, "seed", 0, 2**64 - 1)


def native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array in native byte order, aligned, its strides multiples of the item size."""
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="), copy=True)
    if not array.flags.aligned or any(s % array.itemsize for s in array.strides):
        return np.array(array)
    return array


def check_tokens(tokens: Any, name: str = "tokens") -> npt.NDArray[Any]:
    """Return tokens as a 1-D array of a token dtype; only a foreign byte order costs a copy."""
    if not isinstance(tokens, np.ndarray):
        raise TypeError(
            f"{name} must be a 1-D NumPy array of uint8, uint16, uint32, int32 or int64, "
            f"not {type(tokens).__name__}"
        )
    array: npt.NDArray[Any] = tokens
    if array.dtype not in _TOKEN_DTYPES:
        if array.dtype.newbyteorder("=") not in _TOKEN_DTYPES:
            raise TypeError(
                f"{name} has dtype {array.dtype}; wanted uint8, uint16, uint32, int32 or int64"
            )
        array = native(array)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; wanted one dimension")
    if not array.flags.aligned or array.strides[0] % array.itemsize:
        array = array.copy()
    return array


def check_vectors(**arrays: Any) -> None:
    """Refuse what is no one-dimensional array; dtype and layout are checked by the binding."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} must be a NumPy array, not {type(array).__name__}")
        if array.ndim != 1:
            raise TypeError(f"{name} has shape {array.shape}; wanted one dimension")


def as_int64(ids: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    """Return tokens as a C-contiguous int64 array."""
    if is_ready(ids, np.int64) and ids.ndim == 1:
        return ids
    return np.ascontiguousarray(check_tokens(ids, name), np.int64)


def check_offsets(offsets: Any) -> npt.NDArray[np.int64]:
    """Return offsets as a C-contiguous int64 array; the kernel checks that they ascend."""
    if is_ready(offsets, np.int64) and offsets.ndim == 1:
        return offsets
    if not isinstance(offsets, np.ndarray):
        raise TypeError(f"offsets must be a NumPy array of int64, not {type(offsets).__name__}")
    if offsets.dtype.newbyteorder("=") != np.int64:
        raise TypeError(f"offsets has dtype {offsets.dtype}; wanted int64")
    if offsets.ndim != 1:
        raise ValueError(f"offsets has shape {offsets.shape}; wanted one dimension")
    return np.ascontiguousarray(native(offsets), np.int64)


def check_inside(ids: npt.NDArray[Any], vocab_size: int, name: str) -> None:
    """Refuse an array of any shape unless all of it are integers in [0, vocab_size)."""
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {ids.dtype}; wanted integers")
    if ids.size and not (ids.min() >= 0 and ids.max() < vocab_size):
        first = int(np.argmax((ids < 0) | (ids >= vocab_size)))
        place = tuple(int(i) for i in np.unravel_index(first, ids.shape))
        where = f"[{', '.join(map(str, place))}]" if place else ""
        raise ValueError(f"{name}{where} = {ids[place]} is outside [0, {vocab_size})")


def check_int64(array: npt.NDArray[Any], name: str) -> None:
    """Refuse integers that int64 cannot hold."""
    if array.dtype.kind == "u" and array.itemsize == 8 and array.size and array.max() > MAX_INT:
        raise ValueError(f"{name} holds {array.max()}; wanted at most 2**63 - 1")


def bad_token(
    tokens: npt.NDArray[Any], position: int, vocab_size: int, name: str = "tokens"
) -> ValueError:
    """Return the error for a token that a kernel found outside of the vocabulary."""
    return ValueError(f"{name}[{position}] = {tokens[position]} is outside [0, {vocab_size})")


def is_ready(array: Any, dtype: type | np.dtype[Any]) -> TypeGuard[npt.NDArray[Any]]:
    """Tell whether an array can go to a kernel as it is."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        return False
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and array.dtype.isnative)


def check_out(
    out: object,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    *inputs: npt.NDArray[Any],
) -> npt.NDArray[Any]:
    """Return out, checked to be writeable, of this shape and dtype, and apart from the inputs."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, not {type(out).__name__}")
    if out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"out has dtype {out.dtype}; wanted {np.dtype(dtype)}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}; wanted {shape}")
    flags = out.flags
    if not flags.writeable:
        raise ValueError("out is read-only")
    if not (flags.c_contiguous and flags.aligned):
        raise ValueError("out is not C-contiguous; it is never silently copied")
    for array in inputs:
        if np.may_share_memory(out, array):  # bounds only: cheap, and views of one row count too
            raise ValueError("out overlaps an input in memory")
    return out


def check_table(weight: Any, name: str = "weight") -> npt.NDArray[Any]:
    """Return a table of logits (V, C) as a C-contiguous array of float32 or float64."""
    if not isinstance(weight, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, not {type(weight).__name__}")
    array: npt.NDArray[Any] = weight
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; wanted two dimensions")
    if is_ready(array, np.float32) or is_ready(array, np.float64):
        return array
    dtype = array.dtype.newbyteorder("=")
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"{name} has dtype {array.dtype}; wanted float32 or float64")
    return np.ascontiguousarray(array, dtype)


def check_number(value: object, name: str, low: float, high: float, wanted: str) -> None:
    """Refuse an option that is not a number in [low, high]; `wanted` says what is, in words."""
    check_real(value, name)
    if not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} = {value}, wanted {wanted}")


def check_ids(ids: ArrayLike, vocab_size: int, name: str) -> NDArray[np.int64]:
    """Return ids as a 1-D int64 array, each checked to lie in [0, vocab_size)."""
    array = np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; wanted one dimension")
    if array.size:  # an empty list is float64 to NumPy
        check_inside(array, vocab_size, name)
    return array.astype(np.int64, copy=False)


def check_pairs(
    contexts: ArrayLike, nexts: ArrayLike, vocab_size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both sides of the pairs, checked as `check_ids` does and of one length."""
    rows = check_ids(contexts, vocab_size, "contexts")
    columns = check_ids(nexts, vocab_size, "nexts")
    if len(rows) != len(columns):
        raise ValueError(f"nexts has length {len(columns)}; wanted that of contexts, {len(rows)}")
    return rows, columns


def check_top_k(k: object, vocab_size: int) -> int:
    """Return the number of successors wanted, at least 1 and clipped to V."""
    return min(check_index(k, "k", 1), vocab_size)


def check_real(value: object, name: str) -> None:
    """Refuse what is no real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
