"""What smoothing methods share: from counts to a table, and to JSON and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.smoothing.pair_counts import PairCounts
from bigram.tables import BackoffTable, DenseTable
from bigram.tables.checks import check_real

if TYPE_CHECKING:
    from bigram.counts import BigramCounts

__all__ = ["Smoothing"]


@dataclass(frozen=True)
class Smoothing(ABC):
    """A way to turn counts into probabilities. Its fields are its options."""

    @abstractmethod
    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        """Make the table of these pairs."""

    def backoff_table(self, counts: BigramCounts) -> BackoffTable:
        """Return the smoothed model as pairs with a backoff; memory O(pairs + V).

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        BackoffTable
        """
        return self._smooth(PairCounts.of(counts))

    def table(self, counts: BigramCounts) -> DenseTable | BackoffTable:
        """Return the smoothed model: dense for dense counts, else pairs with a backoff.

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        DenseTable or BackoffTable
        """
        table = self.backoff_table(counts)
        return table.to_dense() if isinstance(counts.matrix, np.ndarray) else table

    def to_json(self) -> dict[str, Any]:
        """Return the name of the method and its options; see `bigram.smoothing.from_json`."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"name": type(self).__name__, **options}


def check_number(value: object, name: str, low: float, high: float, wanted: str) -> None:
    """Refuse an option that is no number in [low, high]; `wanted` says it in words."""
    check_real(value, name)
    if not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} = {value} must be {wanted}")
