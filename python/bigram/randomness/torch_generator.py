"""PyTorch's CPU random numbers without PyTorch, to reproduce the lectures number for number.

`torch.Generator().manual_seed(seed)` is a Mersenne Twister seeded with the low 32 bits of the
seed; numpy.random.MT19937 makes the same stream of 32-bit words. This module adds how torch turns
the words into numbers. Integers and uniforms agree to the bit, normals and exponentials to float32
rounding (torch evaluates log, sin and cos with its own polynomials).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from bigram.common.checks import bad_dtype, bad_kind, bad_shape, bad_value, refuse_masked
from bigram.randomness.box_muller import box_muller_blocks

Shape: TypeAlias = "SupportsIndex | Sequence[SupportsIndex]"

_MULTINOMIALS = ("exponential", "cumulative")


class TorchGenerator:
    """The random numbers of `torch.Generator().manual_seed(seed)` on a CPU.

    Given as `seed=` to `sample`, `generate`, `NeuralModel` and `fit`, it makes them draw in the
    order in which the lectures' scripts draw.

    Parameters
    ----------
    seed : int
        In [-2**63, 2**64), as for torch; only the low 32 bits matter.
    multinomial : {"exponential", "cumulative"}
        How `multinomial` draws. "exponential" is current PyTorch: the argmax of p / q with q
        exponential. "cumulative" is PyTorch of 2022, with which the lecture on names was
        recorded: it searches a uniform number in the cumulative sum.

    Raises
    ------
    TypeError
        If `seed` is not an integer.
    ValueError
        If `seed` is out of range, or `multinomial` is not one of the two.

    Examples
    --------
    >>> TorchGenerator(1337).randint(1003846, 4).tolist()  # the lecture's first batch
    [76049, 234249, 934904, 560986]
    """

    def __init__(
        self, seed: int, multinomial: Literal["exponential", "cumulative"] = "exponential"
    ) -> None:
        try:
            number = operator.index(seed)
        except TypeError:
            raise bad_kind(seed, "seed", "an int") from None
        if not -(2**63) <= number < 2**64:
            raise ValueError(f"seed = {number} is outside [-2**63, 2**64)")
        if multinomial not in _MULTINOMIALS:
            raise bad_value(multinomial, "multinomial", f"one of {_MULTINOMIALS}")
        self.initial_seed = number
        self.multinomial_method = multinomial
        self._bits = np.random.MT19937()
        # RandomState seeds with Knuth's init_genrand, as torch does; MT19937(seed) would hash.
        seeded: Any = np.random.RandomState(number & 0xFFFFFFFF).get_state(legacy=False)
        self._bits.state = seeded
        self._next_normal: float | None = None

    def __repr__(self) -> str:
        return f"TorchGenerator({self.initial_seed}, multinomial={self.multinomial_method!r})"

    def get_state(self) -> dict[str, Any]:
        """Return everything the next draw depends on, as values that JSON can hold.

        Returns
        -------
        dict
            For `set_state` of any TorchGenerator.

        Examples
        --------
        >>> one, other = TorchGenerator(1), TorchGenerator(2)
        >>> other.set_state(one.get_state())
        >>> bool(one.rand(1) == other.rand(1))
        True
        """
        words = self._bits.state["state"]
        return {
            "seed": self.initial_seed,
            "multinomial": self.multinomial_method,
            "key": np.asarray(words["key"]).tolist(),
            "pos": int(words["pos"]),
            "next_normal": self._next_normal,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from the point where `get_state` was called.

        Parameters
        ----------
        state : dict
            What `get_state` returned.

        Raises
        ------
        ValueError
            If `state` is not such a dictionary.
        """
        try:
            key = np.asarray(state["key"], dtype=np.uint32)
            pos = int(state["pos"])
            if key.shape != (624,) or not 0 <= pos <= 624:
                raise ValueError(f"key has shape {key.shape}, pos = {pos}")
            seed, method, normal = state["seed"], state["multinomial"], state["next_normal"]
            if method not in _MULTINOMIALS:
                raise ValueError(f"multinomial = {method!r}")
            normal = None if normal is None else float(normal)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"not the state of a TorchGenerator: {error}") from error
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": pos}}
        self.initial_seed, self.multinomial_method, self._next_normal = seed, method, normal

    def rand(self, shape: Shape, *, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Draw uniform numbers in [0, 1), as `torch.rand`.

        Parameters
        ----------
        shape : int or tuple of int
            Shape of the result.
        dtype : float32 or float64
            float32 numbers carry 24 random bits, float64 numbers 53.

        Returns
        -------
        ndarray of `dtype`, shape `shape`

        Raises
        ------
        TypeError, ValueError
            If the shape or dtype is not as described.

        Examples
        --------
        >>> TorchGenerator(2147483647).rand(3).round(4).tolist()
        [0.708..., 0.354..., 0.105...]
        """
        dims = _shape(shape)
        return self._uniform(math.prod(dims), _float_dtype(dtype)).reshape(dims)

    def randn(self, shape: Shape, *, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Draw normal numbers N(0, 1), as `torch.randn`.

        Parameters
        ----------
        shape : int or tuple of int
            Shape of the result. For 16 elements or more torch transforms blocks of 16 uniforms;
            for fewer it draws float64 pairs, and keeps the second of a pair for the next call.
        dtype : float32 or float64

        Returns
        -------
        ndarray of `dtype`, shape `shape`

        Raises
        ------
        TypeError, ValueError
            If the shape or dtype is not as described.

        Examples
        --------
        >>> TorchGenerator(2147483647).randn((27, 27))[0, :2].round(4).tolist()
        [1.567..., -0.237...]
        """
        dims = _shape(shape)
        size = math.prod(dims)
        kind = _float_dtype(dtype)
        if size < 16:
            return np.array([self._normal() for _ in range(size)], dtype=kind).reshape(dims)
        uniforms = self._uniform(size, kind)
        values = np.empty(size, dtype=kind)
        whole = size - size % 16
        values[:whole] = box_muller_blocks(uniforms[:whole])
        if whole < size:  # as torch does: the last 16 are drawn again, some of them twice
            values[-16:] = box_muller_blocks(self._uniform(16, kind))
        return values.reshape(dims)

    def randint(self, high: int, shape: Shape, *, low: int = 0) -> NDArray[np.int64]:
        """Draw integers in [low, high), as `torch.randint`: a random word modulo the range.

        Parameters
        ----------
        high : int
            One above the largest possible result.
        shape : int or tuple of int
            Shape of the result.
        low : int
            The smallest possible result.

        Returns
        -------
        ndarray of int64, shape `shape`

        Raises
        ------
        ValueError
            If the range is empty or does not fit into int64, or a size is negative.

        Examples
        --------
        >>> TorchGenerator(1337).randint(1003846, (4,)).tolist()
        [76049, 234249, 934904, 560986]
        """
        low, high = operator.index(low), operator.index(high)
        if not low < high:
            raise ValueError(f"high = {high}, wanted more than low = {low}")
        if low < -(2**63) or high > 2**63 - 1:
            raise ValueError(f"[low, high) = [{low}, {high}), wanted a range that fits into int64")
        dims = _shape(shape)
        size, span = math.prod(dims), np.uint64(high - low)
        words = self._words64(size) if high - low >= 2**28 else self._bits.random_raw(size)
        # uint64 wraps around, so adding `low` modulo 2**64 is right for a negative one too.
        values: NDArray[np.int64] = (words % span + np.uint64(low % 2**64)).view(np.int64)
        return values.reshape(dims)

    def randperm(self, n: int) -> NDArray[np.int64]:
        """Draw a random order of 0 to n - 1, as `torch.randperm`.

        Parameters
        ----------
        n : int
            In [0, 200_000_000); torch draws differently above.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        ValueError
            If `n` is out of range.

        Examples
        --------
        >>> sorted(TorchGenerator(1).randperm(4).tolist())
        [0, 1, 2, 3]
        """
        n = operator.index(n)
        if not 0 <= n < 200_000_000:
            raise ValueError(f"n = {n} is outside [0, 200000000)")
        order = list(range(n))
        left = np.arange(n, 1, -1, dtype=np.uint64)
        for i, jump in enumerate((self._bits.random_raw(left.size) % left).tolist()):
            order[i], order[i + jump] = order[i + jump], order[i]
        return np.array(order, dtype=np.int64)

    def exponential(self, shape: Shape, *, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Draw exponential numbers of rate 1, as `torch.empty(shape).exponential_()`.

        Parameters
        ----------
        shape : int or tuple of int
            Shape of the result.
        dtype : float32 or float64
            Of the result; the numbers are -log1p(-u) of a 53-bit uniform u, in float64.

        Returns
        -------
        ndarray of `dtype`, shape `shape`

        Raises
        ------
        TypeError, ValueError
            If the shape or dtype is not as described.

        Examples
        --------
        >>> bool((TorchGenerator(1).exponential((2, 3)) > 0).all())
        True
        """
        dims = _shape(shape)
        values = -np.log1p(-self._uniform(math.prod(dims), np.dtype(np.float64)))
        rounded: NDArray[Any] = values.astype(_float_dtype(dtype), copy=False)
        return rounded.reshape(dims)

    def multinomial(self, probs: ArrayLike, num_samples: int = 1) -> NDArray[np.int64]:
        """Draw indices with replacement from rows of weights, as `torch.multinomial`.

        Parameters
        ----------
        probs : array of float32 or float64, shape (V,) or (rows, V)
            Non-negative weights; they need not sum to one. Other dtypes become float32.
        num_samples : int
            Draws from each row. As in torch, "exponential" applies to a single draw only.

        Returns
        -------
        ndarray of int64, shape (num_samples,) or (rows, num_samples)

        Raises
        ------
        TypeError
            If the weights are not real numbers.
        ValueError
            If a row has no mass, or a weight is negative, infinite or nan.

        Examples
        --------
        >>> generator = TorchGenerator(1337)
        >>> generator.multinomial([[0.1, 0.9], [0.5, 0.5]]).shape
        (2, 1)
        """
        refuse_masked(probs, "probs")
        weights = np.asarray(probs)
        if weights.dtype.kind not in "biuf":
            raise bad_dtype(weights, "probs", "real numbers")
        if weights.dtype != np.float64:
            weights = weights.astype(np.float32, copy=False)
        if weights.ndim not in (1, 2) or weights.shape[-1] == 0:
            raise bad_shape(weights, "probs", "(V,) or (rows, V)")
        count = operator.index(num_samples)
        if count < 1:
            raise ValueError(f"num_samples = {count}, wanted at least 1")
        rows = np.atleast_2d(weights)
        if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows > 0).any(axis=1).all()):
            raise ValueError("probs has a bad row, wanted finite weights >= 0 with a sum > 0")
        if self.multinomial_method == "exponential" and count == 1:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                ratios = rows / self.exponential(rows.shape, dtype=rows.dtype)
            drawn: NDArray[np.int64] = np.argmax(ratios, axis=1, keepdims=True)
        else:
            drawn = self._search_cumulative(rows, count)
        return drawn.reshape((*weights.shape[:-1], count))

    def _search_cumulative(self, rows: NDArray[Any], count: int) -> NDArray[np.int64]:
        """Return where `count` 53-bit uniforms fall in the cumulative sum of each row."""
        cumulative = np.cumsum(rows, axis=1, dtype=rows.dtype)
        cumulative /= cumulative[:, -1:].copy()
        cumulative[:, -1] = 1
        drawn = np.empty((rows.shape[0], count), dtype=np.int64)
        for row, sums in zip(drawn, cumulative.astype(np.float64), strict=True):
            row[:] = np.searchsorted(sums, self._uniform(count, np.dtype(np.float64)))
        return drawn

    def _words64(self, size: int) -> NDArray[np.uint64]:
        """Draw `size` 64-bit words, each of two 32-bit ones, the high one first."""
        words = self._bits.random_raw(2 * size)
        paired: NDArray[np.uint64] = (words[0::2] << np.uint64(32)) | words[1::2]
        return paired

    def _uniform(self, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Draw `size` uniforms from the low 24 bits of 32-bit words, or 53 of 64-bit ones."""
        if dtype == np.float32:
            bits = self._bits.random_raw(size) & np.uint64(2**24 - 1)
            single: NDArray[Any] = bits.astype(np.float32) * np.float32(2.0**-24)
            return single
        double: NDArray[Any] = (self._words64(size) & np.uint64(2**53 - 1)) * 2.0**-53
        return double

    def _normal(self) -> float:
        """Draw a normal number by Box and Muller; every other call returns the pair's second."""
        if self._next_normal is not None:
            value, self._next_normal = self._next_normal, None
            return value
        first, second = self._uniform(2, np.dtype(np.float64)).tolist()
        radius, angle = math.sqrt(-2 * math.log1p(-second)), 2 * math.pi * first
        self._next_normal = radius * math.sin(angle)
        return radius * math.cos(angle)


def _shape(shape: Shape) -> tuple[int, ...]:
    """Return `shape` as a tuple of ints >= 0."""
    is_one = isinstance(shape, SupportsIndex) and getattr(shape, "ndim", 0) == 0
    sizes: Any = (shape,) if is_one else shape
    try:
        dims = tuple(map(operator.index, sizes))
    except TypeError:
        raise TypeError(f"shape = {shape!r}, wanted an int or a tuple of ints") from None
    if any(size < 0 for size in dims):
        raise ValueError(f"shape = {dims}, wanted sizes >= 0")
    return dims


def _float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return `dtype`, checked to be float32 or float64."""
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype = {kind}, wanted float32 or float64")
    return kind
