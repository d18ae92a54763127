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

from bigram.common.checks import check_index, check_real

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
            _keep_largest(weights, *self._cuts(weights))
        return weights

    def _cuts(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return how many weights of each row are kept, at least one, and the least of them."""
        ordered = np.sort(-weights, axis=1)
        np.negative(ordered, out=ordered)
        most = min(weights.shape[1], self.top_k or weights.shape[1])
        ordered[:, most:] = 0.0
        counts = np.full(len(weights), most, dtype=np.int64)
        if self.top_p is not None and self.top_p < 1.0:
            sums = np.cumsum(ordered, axis=1)
            held = (sums[:, :-1] < self.top_p * sums[:, -1:]).sum(axis=1)  # with the next one
            counts = np.minimum(counts, held + 1)
        return counts, np.take_along_axis(ordered, counts[:, None] - 1, axis=1)


def _keep_largest(
    weights: NDArray[np.float64], counts: NDArray[np.int64], least: NDArray[np.float64]
) -> None:
    """Zero all but the `counts` largest of each row, ties from the lower id on."""
    kept = weights >= least
    weights[~kept] = 0.0
    rows = np.flatnonzero(kept.sum(axis=1) > counts)
    some = weights[rows]
    ties = some == least[rows]
    num_ties = counts[rows] - (some > least[rows]).sum(axis=1)
    some[ties & (np.cumsum(ties, axis=1) > num_ties[:, None])] = 0.0
    weights[rows] = some
