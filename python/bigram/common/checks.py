"""Checks of arguments, each written once.

The errors have one grammar: TypeError for a kind or dtype (``tokens is list, wanted a 1-D NumPy
array``, ``tokens has dtype float64, wanted uint8``), ValueError for a shape or value (``top_p =
1.5, wanted a number in (0, 1]``, ``tokens[17] = 300 is outside [0, 256)``). Arrays that can go to
a kernel as they are pass in a fraction of a microsecond.
"""

from __future__ import annotations

import operator
import os
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from bigram.common.types import Array

__all__ = [
    "BELOW_ONE",
    "LARGEST",
    "MAX_INT",
    "MAX_VOCAB_SIZE",
    "SMALLEST",
    "as_int64",
    "bad_array",
    "bad_dtype",
    "bad_kind",
    "bad_shape",
    "bad_token",
    "bad_value",
    "check_ids",
    "check_index",
    "check_inside",
    "check_int64",
    "check_int64_ids",
    "check_number",
    "check_offsets",
    "check_out",
    "check_pairs",
    "check_seed",
    "check_table",
    "check_tokens",
    "check_top_k",
    "check_vectors",
    "check_vocab_size",
    "is_ready",
    "native",
    "refuse_masked",
]

MAX_INT = 2**63 - 1
MAX_VOCAB_SIZE = 2**31 - 1

# Bounds for `check_number`: of numbers that are positive, finite, or below one.
SMALLEST, LARGEST = 5e-324, float(np.finfo(np.float64).max)
BELOW_ONE = 1.0 - 2.0**-53

_TOKEN_DTYPES = frozenset(np.dtype(t) for t in (np.uint8, np.uint16, np.uint32, np.int32, np.int64))
_TOKENS = "uint8, uint16, uint32, int32 or int64"


# ---- the grammar of errors


def bad_kind(value: object, name: str, wanted: str) -> TypeError:
    """Return the error for a value that is not of the kind wanted."""
    return TypeError(f"{name} is {type(value).__name__}, wanted {wanted}")


def bad_dtype(array: Array, name: str, wanted: object) -> TypeError:
    """Return the error for an array of another dtype."""
    return TypeError(f"{name} has dtype {array.dtype}, wanted {wanted}")


def bad_array(value: object, name: str, wanted: str) -> TypeError:
    """Return the error for a value that is not an array, or one of another dtype or layout."""
    if _is_masked(value):
        return _bad_mask(name)
    if isinstance(value, np.ndarray):
        return bad_dtype(value, name, wanted)
    return bad_kind(value, name, wanted)


def bad_shape(array: Array, name: str, wanted: object) -> ValueError:
    """Return the error for an array of another shape."""
    return ValueError(f"{name} has shape {array.shape}, wanted {wanted}")


def bad_value(value: object, name: str, wanted: str) -> ValueError:
    """Return the error for a value out of its range."""
    got = repr(value) if isinstance(value, str) else str(value)
    return ValueError(f"{name} = {got}, wanted {wanted}")


def bad_token(tokens: Array, position: int, vocab_size: int, name: str = "tokens") -> ValueError:
    """Return the error for a token that a kernel found outside of the vocabulary."""
    return ValueError(f"{name}[{position}] = {tokens[position]} is outside [0, {vocab_size})")


# ---- numbers


def check_index(value: Any, name: str, low: int, high: int = MAX_INT) -> int:
    """Return an integer argument as int, checked to lie in [low, high]."""
    number = value if type(value) is int else _as_int(value, name)
    if low <= number <= high:
        return number
    if high == MAX_INT:
        raise bad_value(number, name, f"an integer >= {low}")
    raise ValueError(f"{name} = {number} is outside [{low}, {high}]")


def _as_int(value: Any, name: str) -> int:
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise bad_kind(value, name, "an integer")


def check_number(value: object, name: str, low: float, high: float, wanted: str) -> None:
    """Refuse what is not a number in [low, high]; `wanted` is the range in words."""
    if type(value) is not float and not _is_real(value):
        raise bad_kind(value, name, wanted)
    if not low <= value <= high:
        raise bad_value(value, name, wanted)


def _is_real(value: object) -> TypeGuard[float]:
    return not isinstance(value, bool) and isinstance(value, (int, float, np.integer, np.floating))


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


def check_top_k(k: object, vocab_size: int) -> int:
    """Return how many successors are wanted: at least 1, and clipped to V."""
    return min(check_index(k, "k", 1), vocab_size)


# ---- arrays


def check_vectors(**arrays: Any) -> None:
    """Refuse what is not a 1-D array; the binding checks dtypes and layout."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise bad_kind(array, name, "a 1-D NumPy array")
        refuse_masked(array, name)
        if array.ndim != 1:
            raise bad_shape(array, name, "one dimension")


def refuse_masked(array: object, name: str) -> None:
    """Refuse a masked array: what is below its mask would be taken for data."""
    if _is_masked(array):
        raise _bad_mask(name)


def _is_masked(array: object) -> bool:
    return type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray)


def _bad_mask(name: str) -> TypeError:
    return TypeError(
        f"{name} is a masked array, wanted a plain one: fill it or leave out what is masked, "
        "with .filled(...) or .compressed()"
    )


def is_ready(array: Any, dtype: type | np.dtype[Any]) -> TypeGuard[Array]:
    """Tell whether an array can go to a kernel as it is."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        return False
    if _is_masked(array):
        return False
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and array.dtype.isnative)


def native(array: Array) -> Array:
    """Return an array in native byte order, aligned, its strides multiples of the item size."""
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="), copy=True)
    if not array.flags.aligned or any(s % array.itemsize for s in array.strides):
        return np.array(array)
    return array


def check_tokens(tokens: Any, name: str = "tokens") -> Array:
    """Return tokens as a 1-D array of a token dtype; only a foreign byte order costs a copy."""
    if not isinstance(tokens, np.ndarray):
        raise bad_kind(tokens, name, f"a 1-D NumPy array of {_TOKENS}")
    refuse_masked(tokens, name)
    array: Array = tokens
    if array.dtype not in _TOKEN_DTYPES:
        if array.dtype.newbyteorder("=") not in _TOKEN_DTYPES:
            raise bad_dtype(array, name, _TOKENS)
        array = native(array)
    if array.ndim != 1:
        raise bad_shape(array, name, "one dimension")
    if not array.flags.aligned or array.strides[0] % array.itemsize:
        array = array.copy()
    return array


def as_int64(ids: Array, name: str) -> npt.NDArray[np.int64]:
    """Return tokens as a C-contiguous int64 array."""
    if is_ready(ids, np.int64) and ids.ndim == 1:
        return ids
    return np.ascontiguousarray(check_tokens(ids, name), np.int64)


def check_offsets(offsets: Any) -> npt.NDArray[np.int64]:
    """Return offsets as a C-contiguous int64 array; the kernel checks that they ascend."""
    if is_ready(offsets, np.int64) and offsets.ndim == 1:
        return offsets
    if not isinstance(offsets, np.ndarray):
        raise bad_kind(offsets, "offsets", "a 1-D NumPy array of int64")
    refuse_masked(offsets, "offsets")
    if offsets.dtype.newbyteorder("=") != np.int64:
        raise bad_dtype(offsets, "offsets", "int64")
    if offsets.ndim != 1:
        raise bad_shape(offsets, "offsets", "one dimension")
    return np.ascontiguousarray(native(offsets), np.int64)


def check_inside(ids: Array, vocab_size: int, name: str) -> None:
    """Refuse an array of any shape that holds anything but integers in [0, vocab_size)."""
    if ids.dtype.kind not in "iu":
        raise bad_dtype(ids, name, "integers")
    if ids.size and not (ids.min() >= 0 and ids.max() < vocab_size):
        first = int(np.argmax((ids < 0) | (ids >= vocab_size)))
        place = tuple(int(i) for i in np.unravel_index(first, ids.shape))
        where = f"[{', '.join(map(str, place))}]" if place else ""
        raise ValueError(f"{name}{where} = {ids[place]} is outside [0, {vocab_size})")


def check_int64(array: Array, name: str) -> None:
    """Refuse integers that int64 cannot hold."""
    if array.dtype.kind == "u" and array.itemsize == 8 and array.size and array.max() > MAX_INT:
        raise ValueError(f"{name} holds {array.max()}, wanted at most 2**63 - 1")


def check_out(
    out: object,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    *inputs: Array,
) -> Array:
    """Return an array to write into, checked to be apart from the inputs; it is never copied."""
    if not isinstance(out, np.ndarray):
        raise bad_kind(out, "out", "a NumPy array")
    refuse_masked(out, "out")
    if out.dtype != dtype or not out.dtype.isnative:
        raise bad_dtype(out, "out", np.dtype(dtype))
    if out.shape != shape:
        raise bad_shape(out, "out", shape)
    flags = out.flags
    if not flags.writeable:
        raise ValueError("out is read-only, wanted a writeable array")
    if not (flags.c_contiguous and flags.aligned):
        raise ValueError("out is strided or not aligned, wanted a C-contiguous array")
    for array in inputs:
        # Compares bounds only: cheap, and it refuses interleaved views of one array too.
        if np.may_share_memory(out, array):
            raise ValueError("out overlaps an input in memory, wanted memory of its own")
    return out


def check_table(weight: Any, name: str = "weight") -> Array:
    """Return a table of logits (V, C) as a C-contiguous array of float32 or float64."""
    if not isinstance(weight, np.ndarray):
        raise bad_kind(weight, name, "a NumPy array")
    refuse_masked(weight, name)
    array: Array = weight
    if array.ndim != 2:
        raise bad_shape(array, name, "two dimensions")
    if is_ready(array, np.float32) or is_ready(array, np.float64):
        return array
    dtype = array.dtype.newbyteorder("=")
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise bad_dtype(array, name, "float32 or float64")
    return np.ascontiguousarray(array, dtype)


def check_ids(ids: npt.ArrayLike, vocab_size: int, name: str = "ids") -> Array:
    """Return ids as a 1-D array of integers, each checked to lie in [0, vocab_size)."""
    refuse_masked(ids, name)
    array = np.asarray(ids)
    if array.ndim != 1:
        raise bad_shape(array, name, "one dimension")
    if not array.size:  # an empty list is float64 to NumPy
        return array.astype(np.int64)
    check_inside(array, vocab_size, name)
    return array


def check_int64_ids(ids: npt.ArrayLike, vocab_size: int, name: str) -> npt.NDArray[np.int64]:
    """Return what `check_ids` does, as int64."""
    return check_ids(ids, vocab_size, name).astype(np.int64, copy=False)


def check_pairs(
    contexts: npt.ArrayLike, nexts: npt.ArrayLike, vocab_size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return contexts and next ids as int64 arrays of one length, each id checked."""
    rows = check_int64_ids(contexts, vocab_size, "contexts")
    columns = check_int64_ids(nexts, vocab_size, "nexts")
    if len(rows) != len(columns):
        raise ValueError(f"nexts has length {len(columns)}, wanted that of contexts, {len(rows)}")
    return rows, columns
