"""Sequences drawn from a mixture of tables, one step of all sequences at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram import kernels
from bigram.common.checks import check_index, check_int64_ids, check_seed, check_tokens
from bigram.kernels.philox import philox
from bigram.tables.backoff import BackoffTable
from bigram.tables.blocks import row_blocks
from bigram.tables.dense import DenseTable
from bigram.tables.sampling_filter import SamplingFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MixtureSampler", "log_mixture"]

# The sequence of the generator from which the seeds of steps and parts are drawn: no step has
# that many sequences, so that no draw uses the same random words.
_SEEDS = 2**64 - 1


def log_mixture(
    weights: NDArray[np.float64], parts: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the logarithm of the weighted sum of exp(parts), arrays of one shape."""
    total = np.zeros_like(parts[0])
    for weight, part in zip(weights, parts, strict=True):
        total += weight * np.exp(part)
    with np.errstate(divide="ignore"):
        return np.log(total, out=total)


@dataclass(frozen=True, eq=False)
class MixtureSampler:
    """Draws from the rows of a mixture.

    Where whole rows are drawn from, a table is chosen for each token by its share of the row, and
    the token is drawn from that table: no row of the mixture is built. Temperature, top-k and
    top-p apply to the sum, so under them its rows are built, by blocks of rows.

    Parameters
    ----------
    tables : tuple of DenseTable or BackoffTable
        Of one vocabulary.
    weights : ndarray, shape (tables,), float64
    options : SamplingFilter
    """

    tables: tuple[DenseTable | BackoffTable, ...]
    weights: NDArray[np.float64]
    options: SamplingFilter

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """What each table contributes to the mass of each row, shape (V, tables)."""
        return np.stack(
            [w * t.row_mass() for w, t in zip(self.weights, self.tables, strict=True)], axis=1
        )

    def __call__(
        self,
        starts: NDArray[Any],
        *,
        max_length: int,
        stop: int | None = None,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Draw a sequence after each start, as `Table.sample_sequences` says."""
        vocab_size = self.tables[0].vocab_size
        current = check_int64_ids(check_tokens(starts, "starts"), vocab_size, "starts")
        limit = check_index(max_length, "max_length", 0, 2**32 - 1)
        end = -1 if stop is None else check_index(stop, "stop", 0, vocab_size - 1)
        key = check_seed(seed)
        active, drawn = np.arange(len(current)), []  # sequences that have not ended
        for step in range(limit):
            if len(active) == 0:
                break
            if self.options.is_identity:
                current = self._draw(current, active, _seed_of(key, step), num_threads)
            else:
                current = self._draw_filtered(current, active, _seed_of(key, step))
            active = active[current[active] != end]
            drawn.append((active, current[active]))
        return _by_sequence(drawn, len(current), vocab_size)

    def _draw(
        self,
        current: NDArray[np.int64],
        active: NDArray[np.int64],
        seed: int,
        num_threads: int | None,
    ) -> NDArray[np.int64]:
        """Return the next token of each active sequence, from a table chosen for it.

        The kernels key their random words by the position of a row or a start. So every call has
        all sequences, also those whose draw is thrown away: then the tokens of a sequence do not
        depend on which others have ended, and fewer sequences are a prefix of more.
        """
        shares = np.zeros((len(current), len(self.tables)))
        shares[:, 0] = 1.0  # any mass will do where a sequence has ended
        shares[active] = self._shares[current[active]]
        _check_mass(shares.sum(axis=1) > 0.0, current)
        chosen = kernels.multinomial(shares, 1, seed=seed, num_threads=num_threads)[:, 0]
        following: NDArray[np.int64] = current.copy()
        for number, table in enumerate(self.tables):
            mine = active[chosen[active] == number]
            if len(mine) == 0:
                continue
            # The others start where the table surely has mass: sampling from an empty row raises.
            contexts = np.full(len(current), int(np.argmax(self._shares[:, number])))
            contexts[mine] = current[mine]
            tokens, _ = table.sample_sequences(
                contexts, max_length=1, seed=_seed_of(seed, number), num_threads=num_threads
            )
            following[mine] = tokens[mine]
        return following

    def _draw_filtered(
        self, current: NDArray[np.int64], active: NDArray[np.int64], seed: int
    ) -> NDArray[np.int64]:
        """Return the next token of each active sequence, from the filtered row of its context.

        The blocks of sequences depend on V alone, so each sequence keeps its block, its seed and
        its position in the block, whichever others there are. Sequences of a block that share a
        context share its row.
        """
        following: NDArray[np.int64] = current.copy()
        for number, some in enumerate(row_blocks(len(current), self.tables[0].vocab_size)):
            block = np.arange(some.start, some.stop)
            live = np.isin(block, active)
            contexts, rows = np.unique(current[block], return_inverse=True)
            logs = log_mixture(self.weights, [table.log_probs(contexts) for table in self.tables])
            weights = self.options.weights(logs)[rows]
            weights[~live] = 1.0  # any mass will do where a sequence has ended
            _check_mass(np.asarray(weights.any(axis=1)), current[block], some.start)
            tokens = kernels.multinomial(weights, 1, seed=_seed_of(seed, number))[:, 0]
            following[block[live]] = tokens[live]
        return following


def _seed_of(seed: int, part: int) -> int:
    """Return the seed of one part of what `seed` draws: a step, a table or a block."""
    words = philox(seed, part, _SEEDS)
    return int(words[0]) | int(words[1]) << 32


def _check_mass(has_mass: NDArray[np.bool_], contexts: NDArray[np.int64], first: int = 0) -> None:
    if not has_mass.all():
        place = int(np.argmin(has_mass))
        raise ValueError(
            f"sequence {first + place} reached context {contexts[place]}, which has no distribution"
        )


def _by_sequence(
    drawn: list[tuple[NDArray[np.int64], NDArray[np.int64]]], number: int, vocab_size: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return tokens and offsets of what the steps drew: pairs of sequences and their tokens."""
    empty = np.zeros(0, np.int64)
    owners = np.concatenate([empty, *(owner for owner, _ in drawn)])
    tokens = np.concatenate([empty, *(token for _, token in drawn)])
    offsets = np.zeros(number + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=number), out=offsets[1:])
    ordered = tokens[np.argsort(owners, kind="stable")]  # stable: steps stay in order
    return ordered.astype(np.min_scalar_type(vocab_size - 1)), offsets
