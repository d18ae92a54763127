"""Temperature, top-k and top-p: the changes to a row of weights before it is drawn from.

They are applied in this order, each to the result of the one before: weights are raised to 1/T;
the `top_k` largest are kept; of these, the fewest that hold at least `top_p` of the mass are kept
(nucleus sampling, Holtzman et al. 2020). Of equal weights, those of lower ids are kept first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bigram.common.checks import LARGEST, SMALLEST, check_index, check_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SamplingFilter"]


@dataclass(frozen=True)
class SamplingFilter:
    """The options temperature, top_k and top_p, checked.

    Parameters
    ----------
    temperature : float, default 1.0
        Positive and finite. Below 1 the distribution gets sharper, above 1 flatter.
    top_k : int, optional
        Number of tokens kept, at least 1. None keeps all.
    top_p : float, optional
        Share of the mass kept, in (0, 1]. None keeps all.

    Raises
    ------
    TypeError
        If an option is not a number.
    ValueError
        If an option is out of its range.

    Examples
    --------
    >>> SamplingFilter(top_k=2).weights(np.log([[0.2, 0.5, 0.3]]))
    array([[0. , 1. , 0.6]])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        check_number(self.temperature, "temperature", SMALLEST, LARGEST, "a positive finite number")
        if self.top_k is not None:
            check_index(self.top_k, "top_k", 1)
        if self.top_p is not None:
            check_number(self.top_p, "top_p", SMALLEST, 1.0, "a number in (0, 1]")

    @property
    def is_identity(self) -> bool:
        """Whether the filter leaves every row as it is."""
        return self.temperature == 1.0 and self.top_k is None and self.top_p in (None, 1.0)

    @property
    def truncates(self) -> bool:
        """Whether the filter may remove tokens of a row."""
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
            The largest weight of a row is 1; a row without mass stays zero.
        """
        highest = log_probs.max(axis=1, keepdims=True, initial=-np.inf)
        highest[np.isneginf(highest)] = 0.0  # -inf minus it must not be nan
        with np.errstate(over="ignore"):  # a difference of -inf at a tiny T is exp(-inf) = 0
            weights: NDArray[np.float64] = np.exp((log_probs - highest) / self.temperature)
        if self.truncates:
            _keep_largest(weights, *self._cuts(weights))
        return weights

    def _cuts(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return how many weights of each row are kept, at least one, and the least of them."""
        ordered = np.sort(-weights, axis=1)  # descending
        np.negative(ordered, out=ordered)
        most = min(weights.shape[1], self.top_k or weights.shape[1])
        ordered[:, most:] = 0.0
        counts = np.full(len(weights), most, dtype=np.int64)
        if self.top_p is not None and self.top_p < 1.0:
            sums = np.cumsum(ordered, axis=1)
            too_little = (sums[:, :-1] < self.top_p * sums[:, -1:]).sum(axis=1)
            counts = np.minimum(counts, too_little + 1)  # the next one reaches top_p
        return counts, np.take_along_axis(ordered, counts[:, None] - 1, axis=1)


def _keep_largest(
    weights: NDArray[np.float64], counts: NDArray[np.int64], least: NDArray[np.float64]
) -> None:
    """Zero all but the `counts` largest of each row; of equal weights, keep the lower ids."""
    kept = weights >= least
    weights[~kept] = 0.0
    rows = np.flatnonzero(kept.sum(axis=1) > counts)  # more than one weight equals the least
    some = weights[rows]
    ties = some == least[rows]
    num_ties = counts[rows] - (some > least[rows]).sum(axis=1)
    some[ties & (np.cumsum(ties, axis=1) > num_ties[:, None])] = 0.0
    weights[rows] = some
