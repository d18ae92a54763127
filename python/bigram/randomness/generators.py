"""Sources of random numbers for training and sampling."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bigram.common.checks import bad_kind
from bigram.randomness.torch_generator import TorchGenerator

__all__ = ["Random", "Seed", "random_source"]

Seed: TypeAlias = "int | TorchGenerator | None"


class Random(Protocol):
    """What training draws with: methods with torch's names, and a state for checkpoints."""

    def randn(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw normal numbers N(0, 1)."""

    def randint(self, high: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Draw integers in [0, high)."""

    def randperm(self, n: int) -> NDArray[np.int64]:
        """Draw a random order of 0 to n - 1."""

    def get_state(self) -> dict[str, Any]:
        """Return the state, as values that JSON can hold."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state."""


class _NumpyRandom:
    """`numpy.random.default_rng` with the methods of `Random`."""

    def __init__(self, seed: int | None) -> None:
        self._generator = np.random.default_rng(seed)

    def randn(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return self._generator.standard_normal(shape, np.float32)

    def randint(self, high: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        return self._generator.integers(high, size=shape)

    def randperm(self, n: int) -> NDArray[np.int64]:
        return self._generator.permutation(n)

    def get_state(self) -> dict[str, Any]:
        return dict(self._generator.bit_generator.state)

    def set_state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state


def random_source(seed: Seed) -> Random:
    """Return what to draw with: the `TorchGenerator` itself, or else NumPy's generator."""
    if isinstance(seed, TorchGenerator):
        return seed
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
        raise bad_kind(seed, "seed", "an int, TorchGenerator or None")
    if seed is not None and seed < 0:
        raise ValueError(f"seed = {seed}, wanted an int >= 0")
    return _NumpyRandom(seed)
