"""Temperature, top-k and nucleus sampling: what a row of weights becomes before it is drawn from.

The three are applied in this order, each to what the one before it left: weights are raised to
1/T; the `top_k` largest are kept; of these the fewest that hold at least `top_p` of the mass are
kept (Holtzman et al. 2020). Equal weights are kept from the lower id on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bigram.kernels._checks import check_index
from bigram.tables.checks import check_real

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SamplingFilter"]


@dataclass(frozen=True)
class SamplingFilter:
    """A setting of temperature, top-k and top-p, checked.

    Parameters
    ----------
    temperature : float, default 1.0
        Positive and finite; below one sharpens, above one flattens.
    top_k : int, optional
        At least 1.
    top_p : float, optional
        In (0, 1].

    Raises
    ------
    TypeError
        For a setting that is no number.
    ValueError
        For a number out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        check_real(self.temperature, "temperature")
        if not 0.0 < self.temperature < math.inf:
            raise ValueError(f"temperature = {self.temperature} must be positive and finite")
        if self.top_k is not None:
            check_index(self.top_k, "top_k", 1)
        if self.top_p is not None:
            check_real(self.top_p, "top_p")
            if not 0.0 < self.top_p <= 1.0:
                raise ValueError(f"top_p = {self.top_p} is outside (0, 1]")

    @property
    def is_identity(self) -> bool:
        """Whether every row passes as it is."""
        return self.temperature == 1.0 and self.top_k is None and self.top_p in (None, 1.0)

    @property
    def truncates(self) -> bool:
        """Whether some of a row may be cut off."""
        return self.top_k is not None or self.top_p not in (None, 1.0)

    def weights(self, log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn rows of log-probabilities into weights to draw from.

        Parameters
        ----------
        log_probs : ndarray, shape (B, V), float64
            Nats; -inf is probability zero.

        Returns
        -------
        ndarray, shape (B, V), float64
            The largest weight of a row is one; a row without mass is all zero.
        """
        highest = log_probs.max(axis=1, keepdims=True, initial=-np.inf)
        highest[np.isneginf(highest)] = 0.0
        with np.errstate(over="ignore"):  # minus infinity will do
            weights: NDArray[np.float64] = np.exp((log_probs - highest) / self.temperature)
        if self.truncates:
            order = np.argsort(-weights, axis=1, kind="stable")
            ordered = np.take_along_axis(weights, order, axis=1)
            np.put_along_axis(weights, order, self._truncated(ordered), axis=1)
        return weights

    def _truncated(self, ordered: NDArray[np.float64]) -> NDArray[np.float64]:
        """Zero what is cut off from rows of descending weights."""
        if self.top_k is not None:
            ordered[:, self.top_k :] = 0.0
        if self.top_p is not None and self.top_p < 1.0:
            before = np.cumsum(ordered, axis=1)
            wanted = self.top_p * before[:, -1:]
            before[:, 1:] = before[:, :-1].copy()
            before[:, :1] = 0.0
            ordered[before >= wanted] = 0.0
        return ordered
