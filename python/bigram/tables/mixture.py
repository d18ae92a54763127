"""A weighted sum of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bigram import _core, kernels
from bigram.common.checks import (
    bad_token,
    check_ids,
    check_index,
    check_offsets,
    check_seed,
    check_tokens,
)
from bigram.tables.backoff import BackoffTable
from bigram.tables.base import Table
from bigram.tables.blocks import BLOCK, row_blocks
from bigram.tables.dense import DenseTable
from bigram.tables.sampling_filter import SamplingFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MixtureTable"]

_STREAM = 2**64 - 1  # sequence of the generator from which the seeds of the steps are drawn


@dataclass(frozen=True, eq=False)
class MixtureTable(Table):
    """Linear interpolation: ``P(j | i) = sum_m weights[m] P_m(j | i)``, exactly.

    Sampling chooses a table for each token, and draws the token from it. Temperature, top-k and
    top-p are of the whole row of the mixture, which is then built.

    Parameters
    ----------
    tables : sequence of DenseTable or BackoffTable
        Of one vocabulary.
    weights : sequence of float
        Not negative; they sum to one.

    Raises
    ------
    TypeError
        For something else than tables.
    ValueError
        For tables of different sizes, or weights that are no distribution over them.

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
        for table in self.tables:
            if not isinstance(table, (DenseTable, BackoffTable)):
                raise TypeError(
                    f"a mixture is of DenseTable and BackoffTable, not {type(table).__name__}"
                )
            if table.vocab_size != self.vocab_size:
                raise ValueError(
                    f"the tables have {self.vocab_size} and {table.vocab_size} symbols; "
                    "wanted one vocabulary"
                )

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.tables[0].vocab_size

    def __getstate__(self) -> dict[str, Any]:
        return {"tables": self.tables, "weights": self.weights}

    def _mix(self, parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the logarithm of the weighted sum of exp(parts)."""
        total = np.zeros_like(parts[0])
        for weight, part in zip(self.weights, parts, strict=True):
            total += weight * np.exp(part)
        with np.errstate(divide="ignore"):
            return np.log(total, out=total)

    def _rows(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._mix([table.log_probs(contexts) for table in self.tables])

    def _pairs(self, contexts: NDArray[np.int64], nexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._mix([table.pair_log_probs(contexts, nexts) for table in self.tables])

    def _scores(
        self,
        tokens: NDArray[Any],
        offsets: NDArray[np.int64] | None,
        num_threads: int | None,  # noqa: ARG002 - every table takes it
    ) -> NDArray[np.float64]:
        tokens = check_tokens(tokens)
        ends = np.array([0, len(tokens)]) if offsets is None else check_offsets(offsets)
        if len(ends) == 0 or ends[0] < 0 or ends[-1] > len(tokens) or np.any(np.diff(ends) < 0):
            raise ValueError(f"offsets must ascend from 0 to at most {len(tokens)}")
        used = tokens[ends[0] : ends[-1]]
        if used.size and not (used.min() >= 0 and used.max() < self.vocab_size):
            place = int(np.argmax((used < 0) | (used >= self.vocab_size)))
            raise bad_token(tokens, int(ends[0]) + place, self.vocab_size)
        scores = np.zeros(len(ends) - 1)
        for start in range(int(ends[0]), int(ends[-1]) - 1, BLOCK):
            stop = min(start + BLOCK, int(ends[-1]) - 1)
            pairs = self.pair_log_probs(tokens[start:stop], tokens[start + 1 : stop + 1])
            owner = np.searchsorted(ends, np.arange(start, stop), side="right") - 1
            inside = np.arange(start + 1, stop + 1) < ends[owner + 1]
            np.add.at(scores, owner[inside], pairs[inside])
        return scores

    @cached_property
    def _row_weights(self) -> NDArray[np.float64]:
        """What each table contributes to the mass of each row, shape (V, tables)."""
        return np.stack(
            [w * t.row_mass() for w, t in zip(self.weights, self.tables, strict=True)], axis=1
        )

    def _sample(
        self,
        chosen: SamplingFilter,
        starts: NDArray[Any],
        *,
        max_length: int,
        stop: int | None,
        seed: int | None,
        num_threads: int | None,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        current = check_ids(check_tokens(starts, "starts"), self.vocab_size, "starts")
        current = current.astype(np.int64)
        limit = check_index(max_length, "max_length", 0, 2**32 - 1)
        end = -1 if stop is None else check_index(stop, "stop", 0, self.vocab_size - 1)
        key = check_seed(seed)
        going, drawn = np.arange(len(current)), []
        for step in range(limit):
            if len(going) == 0:
                break
            step_seed = _step_seed(key, step)
            if chosen.is_identity:
                current = self._draw(current, going, step_seed, num_threads)
            else:
                current = self._draw_filtered(current, going, chosen, step_seed)
            going = going[current[going] != end]
            drawn.append((going, current[going]))
        return _assembled(drawn, len(current), self.vocab_size)

    def _draw(
        self, current: NDArray[np.int64], going: NDArray[np.int64], seed: int, num_threads: Any
    ) -> NDArray[np.int64]:
        """Draw a token for every sequence, so that each has the random numbers of its place."""
        weights = np.zeros((len(current), len(self.tables)))
        weights[:, 0] = 1.0  # what becomes of sequences that have ended does not matter
        weights[going] = self._row_weights[current[going]]
        _check_mass(weights.sum(axis=1) > 0.0, current)
        which = kernels.multinomial(weights, 1, seed=seed, num_threads=num_threads)[:, 0]
        following: NDArray[np.int64] = current.copy()
        for number, table in enumerate(self.tables):
            mine = going[which[going] == number]
            if len(mine) == 0:
                continue
            somewhere = int(np.argmax(self._row_weights[:, number]))
            contexts = np.full(len(current), somewhere)
            contexts[mine] = current[mine]
            tokens, _ = table.sample_sequences(
                contexts, max_length=1, seed=_step_seed(seed, number), num_threads=num_threads
            )
            following[mine] = tokens[mine]
        return following

    def _draw_filtered(
        self,
        current: NDArray[np.int64],
        going: NDArray[np.int64],
        chosen: SamplingFilter,
        seed: int,
    ) -> NDArray[np.int64]:
        """Likewise, from whole rows, by blocks whose borders depend on V alone."""
        following: NDArray[np.int64] = current.copy()
        for number, some in enumerate(row_blocks(len(current), self.vocab_size)):
            block = np.arange(some.start, some.stop)
            live = np.isin(block, going)
            contexts, rows = np.unique(current[block], return_inverse=True)
            weights = chosen.weights(self.log_probs(contexts))[rows]
            weights[~live] = 1.0
            _check_mass(np.asarray(weights.any(axis=1)), current[block], some.start)
            tokens = kernels.multinomial(weights, 1, seed=_step_seed(seed, number))[:, 0]
            following[block[live]] = tokens[live]
        return following

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that make the table; those of its tables as ``0.dense.probs``."""
        found: dict[str, NDArray[Any]] = {"weights": self.weights}
        for number, table in enumerate(self.tables):
            for name, array in table.arrays().items():
                found[f"{number}.{table.kind}.{name}"] = array
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> MixtureTable:
        """Make the table that `arrays` came from; ValueError if they are not what it needs."""
        parts: dict[tuple[int, str], dict[str, NDArray[Any]]] = {}
        for name, array in arrays.items():
            if name != "weights":
                number, kind, own = (*name.split(".", 2), "", "")[:3]
                parts.setdefault((int(number) if number.isdigit() else -1, kind), {})[own] = array
        classes: dict[str, type[DenseTable] | type[BackoffTable]] = {
            DenseTable.kind: DenseTable,
            BackoffTable.kind: BackoffTable,
        }
        numbers = sorted(number for number, _ in parts)
        if "weights" not in arrays or numbers != list(range(len(parts))) or len(parts) == 0:
            raise ValueError(f"a mixture needs weights and numbered tables, not {sorted(arrays)}")
        if not {kind for _, kind in parts} <= set(classes):
            raise ValueError(f"a mixture is of dense and backoff tables, not {sorted(arrays)}")
        tables = [classes[kind].from_arrays(parts[number, kind]) for number, kind in sorted(parts)]
        return cls(tables, arrays["weights"])


def check_weights(weights: Any, number: int) -> NDArray[np.float64]:
    """Return the weights of so many tables, checked to be a distribution, summing to one."""
    values = np.asarray(weights)
    if values.dtype.kind not in "iuf" or values.shape != (number,) or number == 0:
        raise ValueError(f"weights has shape {values.shape}; wanted a number for each table")
    values = values.astype(np.float64)
    if not (np.all(values >= 0.0) and abs(values.sum() - 1.0) <= 1e-6):
        raise ValueError(f"weights = {values.tolist()} must not be negative and sum to one")
    return np.asarray(values / values.sum())


def _step_seed(seed: int, step: int) -> int:
    """Return a seed of its own for a step, or for a part of one."""
    words = _core.philox(seed, step, _STREAM)
    return int(words[0]) | int(words[1]) << 32


def _check_mass(good: NDArray[np.bool_], contexts: NDArray[np.int64], first: int = 0) -> None:
    if not good.all():
        place = int(np.argmin(good))
        raise ValueError(
            f"sequence {first + place} reached context {contexts[place]}, which has no distribution"
        )


def _assembled(
    drawn: list[tuple[NDArray[np.int64], NDArray[np.int64]]], number: int, vocab_size: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Put the tokens of each step, with their sequences, sequence after sequence."""
    empty = np.zeros(0, np.int64)
    owners = np.concatenate([empty, *(owner for owner, _ in drawn)])
    tokens = np.concatenate([empty, *(token for _, token in drawn)])
    offsets = np.zeros(number + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=number), out=offsets[1:])
    ordered = tokens[np.argsort(owners, kind="stable")]
    return ordered.astype(np.min_scalar_type(vocab_size - 1)), offsets
