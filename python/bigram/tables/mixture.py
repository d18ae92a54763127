"""A weighted sum of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bigram.common.checks import (
    bad_kind,
    bad_shape,
    bad_token,
    check_offsets,
    check_tokens,
    refuse_masked,
)
from bigram.tables.backoff import BackoffTable
from bigram.tables.base import Table
from bigram.tables.blocks import BLOCK
from bigram.tables.dense import DenseTable
from bigram.tables.mixture_sampling import MixtureSampler, log_mixture
from bigram.tables.sampling_filter import SamplingFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MixtureTable"]


@dataclass(frozen=True, eq=False)
class MixtureTable(Table):
    """Linear interpolation: ``P(j | i) = sum_m weights[m] P_m(j | i)``, exactly.

    Nothing is copied or summed up front: rows, scores and samples ask each table. For how a
    mixture is sampled, see :class:`bigram.tables.mixture_sampling.MixtureSampler`.

    Parameters
    ----------
    tables : sequence of DenseTable or BackoffTable
        Of one vocabulary.
    weights : sequence of float
        One for each table, not negative; they sum to one.

    Raises
    ------
    TypeError
        If an element of `tables` is not such a table.
    ValueError
        If the tables have different vocabulary sizes, or if the weights are not a distribution
        over them.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = DenseTable(np.eye(2)), DenseTable(np.full((2, 2), 0.5))
    >>> np.exp(MixtureTable([one, other], [0.5, 0.5]).log_probs([0]))
    array([[0.75, 0.25]])
    """

    tables: tuple[DenseTable | BackoffTable, ...]
    weights: NDArray[np.float64]

    kind: ClassVar[str] = "mixture"

    def __init__(
        self,
        tables: Sequence[DenseTable | BackoffTable],
        weights: Sequence[float] | NDArray[np.float64],
    ) -> None:
        object.__setattr__(self, "tables", tuple(tables))
        object.__setattr__(self, "weights", check_weights(weights, len(self.tables)))
        for number, table in enumerate(self.tables):
            if not isinstance(table, (DenseTable, BackoffTable)):
                raise bad_kind(table, f"tables[{number}]", "DenseTable or BackoffTable")
            if table.vocab_size != self.vocab_size:
                raise ValueError(
                    f"tables[{number}] has {table.vocab_size} symbols, wanted those of tables[0], "
                    f"{self.vocab_size}"
                )

    @property
    def vocab_size(self) -> int:
        """V, the number of ids."""
        return self.tables[0].vocab_size

    def __getstate__(self) -> dict[str, Any]:
        return {"tables": self.tables, "weights": self.weights}

    def row_mass(self) -> NDArray[np.float64]:
        """Return the sum of each row, float64 (V,): close to one for a row of probabilities.

        Examples
        --------
        >>> MixtureTable([DenseTable(np.eye(2))] * 2, [0.5, 0.5]).row_mass()
        array([1., 1.])
        """
        return np.asarray(self.weights @ [table.row_mass() for table in self.tables])

    def _rows(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return log_mixture(self.weights, [table.log_probs(contexts) for table in self.tables])

    def _pairs(self, contexts: NDArray[np.int64], nexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return log_mixture(
            self.weights, [table.pair_log_probs(contexts, nexts) for table in self.tables]
        )

    def _scores(
        self,
        tokens: NDArray[Any],
        offsets: NDArray[np.int64] | None,
        num_threads: int | None,  # noqa: ARG002 - every table takes it
    ) -> NDArray[np.float64]:
        tokens = check_tokens(tokens)
        ends = np.array([0, len(tokens)]) if offsets is None else check_offsets(offsets)
        if len(ends) == 0 or ends[0] < 0 or ends[-1] > len(tokens) or np.any(np.diff(ends) < 0):
            raise ValueError(f"offsets do not ascend within [0, {len(tokens)}]")
        used = tokens[ends[0] : ends[-1]]
        if used.size and not (used.min() >= 0 and used.max() < self.vocab_size):
            place = int(np.argmax((used < 0) | (used >= self.vocab_size)))
            raise bad_token(tokens, int(ends[0]) + place, self.vocab_size)
        # The probability of a pair is the sum over tables, so sequences cannot be scored by table.
        # A block of pairs at a time bounds the memory.
        scores = np.zeros(len(ends) - 1)
        for start in range(int(ends[0]), int(ends[-1]) - 1, BLOCK):
            stop = min(start + BLOCK, int(ends[-1]) - 1)
            pairs = self.pair_log_probs(tokens[start:stop], tokens[start + 1 : stop + 1])
            owner = np.searchsorted(ends, np.arange(start, stop), side="right") - 1
            inside = np.arange(start + 1, stop + 1) < ends[owner + 1]  # no pair crosses an end
            np.add.at(scores, owner[inside], pairs[inside])
        return scores

    def _sampler(
        self,
        options: SamplingFilter,
        num_threads: int | None,  # noqa: ARG002 - nothing is prepared
    ) -> MixtureSampler:
        return MixtureSampler(self.tables, self.weights, options)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that make the table: ``weights``, and such as ``0.dense.probs``."""
        found: dict[str, NDArray[Any]] = {"weights": self.weights}
        for number, table in enumerate(self.tables):
            for name, array in table.arrays().items():
                found[f"{number}.{table.kind}.{name}"] = array
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> MixtureTable:
        """Make the table that `arrays` came from; ValueError if the arrays do not make one."""
        parts: dict[tuple[int, str], dict[str, NDArray[Any]]] = {}
        for path, array in arrays.items():
            if path != "weights":
                number, _, rest = path.partition(".")
                kind, _, name = rest.partition(".")
                key = int(number) if number.isdigit() else -1, kind
                parts.setdefault(key, {})[name] = array
        classes: dict[str, type[DenseTable | BackoffTable]] = {
            DenseTable.kind: DenseTable,
            BackoffTable.kind: BackoffTable,
        }
        numbers = sorted(number for number, _ in parts)
        if "weights" not in arrays or numbers != list(range(len(parts))) or len(parts) == 0:
            raise ValueError(
                f"arrays = {sorted(arrays)}, wanted weights and numbered tables for a mixture"
            )
        if not {kind for _, kind in parts} <= set(classes):
            raise ValueError(f"arrays = {sorted(arrays)}, wanted those of dense and backoff tables")
        tables = [classes[kind].from_arrays(parts[number, kind]) for number, kind in sorted(parts)]
        return cls(tables, arrays["weights"])


def check_weights(weights: Any, number: int) -> NDArray[np.float64]:
    """Return the weights of `number` tables, checked to be a distribution and normalised."""
    refuse_masked(weights, "weights")
    values = np.asarray(weights)
    if values.dtype.kind not in "iuf" or values.shape != (number,) or number == 0:
        raise bad_shape(values, "weights", "a number for each table")
    values = values.astype(np.float64)
    if not (np.all(values >= 0.0) and abs(values.sum() - 1.0) <= 1e-6):
        raise ValueError(f"weights = {values.tolist()}, wanted numbers >= 0 that sum to one")
    return np.asarray(values / values.sum())
