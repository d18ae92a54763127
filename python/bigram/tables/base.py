"""What every table of P(next | context) offers, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from bigram.common.checks import check_int64_ids, check_pairs, check_top_k
from bigram.tables.blocks import row_blocks
from bigram.tables.sampling_filter import SamplingFilter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

    # starts, *, max_length, stop=None, seed=None, num_threads=None -> tokens, offsets:
    # see `Table.sample_sequences`.
    SequenceSampler: TypeAlias = Callable[..., tuple[NDArray[Any], NDArray[np.int64]]]

__all__ = ["Table", "kept_sampler"]

# Samplers that a table keeps, those of the latest options: enough for a program that draws in
# turn from whole rows and from truncated ones. Each takes as much memory as the table.
_KEPT = 2

# Rows of ARPA files with four digits of a logarithm are off by less.
_MASS_TOLERANCE = 1e-3


class Table(ABC):
    """A table of P(next | context); contexts and tokens are ids in [0, V).

    The public methods check their arguments and are the same for every table; a subclass
    implements the methods behind them, which have an underscore.

    Attributes
    ----------
    kind : str
        Name of the class in files.
    """

    kind: ClassVar[str]

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """V, the number of ids."""

    @abstractmethod
    def row_mass(self) -> NDArray[np.float64]:
        """Return the sum of each row, float64 (V,): close to one for a row of probabilities."""

    @cached_property
    def is_normalized(self) -> bool:
        """Whether rows hold probabilities: each sums to one, or to zero for want of counts.

        Otherwise, as with `StupidBackoff`, they hold scores, whose perplexity means nothing.
        """
        mass = self.row_mass()
        return bool(np.all((np.abs(mass - 1.0) <= _MASS_TOLERANCE) | (mass == 0.0)))

    def log_probs(self, contexts: ArrayLike) -> NDArray[np.float64]:
        """Return whole rows: O(B V) memory.

        Parameters
        ----------
        contexts : array of int, shape (B,)

        Returns
        -------
        ndarray, shape (B, V), float64
            ln P(j | context), nats.

        Raises
        ------
        TypeError
            If the ids are not integers.
        ValueError
            If an id is outside [0, V).

        Examples
        --------
        >>> import bigram, numpy as np
        >>> table = bigram.DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]]))
        >>> np.exp(table.log_probs([1, 0]))
        array([[0.5 , 0.5 ],
               [0.25, 0.75]])
        """
        return self._rows(check_int64_ids(contexts, self.vocab_size, "contexts"))

    @abstractmethod
    def _rows(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]: ...

    def pair_log_probs(self, contexts: ArrayLike, nexts: ArrayLike) -> NDArray[np.float64]:
        """Return ln P(next | context) of each pair, nats.

        Parameters
        ----------
        contexts, nexts : arrays of int, shape (n,)

        Returns
        -------
        ndarray, shape (n,), float64

        Raises
        ------
        TypeError
            If the ids are not integers.
        ValueError
            If an id is outside [0, V).

        Examples
        --------
        >>> import bigram, numpy as np
        >>> table = bigram.DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]]))
        >>> np.exp(table.pair_log_probs([0, 1], [1, 1]))
        array([0.75, 0.5 ])
        """
        return self._pairs(*check_pairs(contexts, nexts, self.vocab_size))

    @abstractmethod
    def _pairs(
        self, contexts: NDArray[np.int64], nexts: NDArray[np.int64]
    ) -> NDArray[np.float64]: ...

    def score_sequences(
        self,
        tokens: NDArray[Any],
        offsets: NDArray[np.int64] | None = None,
        *,
        num_threads: int | None = None,
    ) -> NDArray[np.float64]:
        """Return the log-likelihood of each sequence.

        Parameters
        ----------
        tokens : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
            Ids in [0, V), of any stride.
        offsets : ndarray, shape (n_sequences + 1,), int64, optional
            Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``. None: one sequence.
        num_threads : int, optional
            See :func:`bigram.set_num_threads`. The bits do not depend on it.

        Returns
        -------
        ndarray, shape (n_sequences,), float64
            Nats.

        Raises
        ------
        TypeError
            If the tokens have another dtype.
        ValueError
            If a token is outside [0, V), or if the offsets descend or leave the tokens.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> table = bigram.DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]]))
        >>> np.exp(table.score_sequences(np.array([0, 1, 1])))
        array([0.375])
        """
        return self._scores(tokens, offsets, num_threads)

    @abstractmethod
    def _scores(
        self, tokens: NDArray[Any], offsets: NDArray[np.int64] | None, num_threads: int | None
    ) -> NDArray[np.float64]: ...

    def top_k(self, contexts: ArrayLike, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the most probable successors of each context.

        Parameters
        ----------
        contexts : array of int, shape (B,)
        k : int
            Clipped to V.

        Returns
        -------
        ids : ndarray, shape (B, k), int64
            In descending order of probability; equal probabilities in ascending order of ids.
        log_probs : ndarray, shape (B, k), float64
            Nats.

        Raises
        ------
        TypeError
            If the ids or k are not integers.
        ValueError
            If an id is outside [0, V), or if k is below 1.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> table = bigram.DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]]))
        >>> table.top_k([0, 1], 1)[0]
        array([[1],
               [0]])
        """
        rows = check_int64_ids(contexts, self.vocab_size, "contexts")
        return self._best(rows, check_top_k(k, self.vocab_size))

    def _best(
        self, contexts: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Sort whole rows, a block of rows at a time."""
        ids, log_probs = np.empty((len(contexts), k), np.int64), np.empty((len(contexts), k))
        for some in row_blocks(len(contexts), self.vocab_size):
            block = self._rows(contexts[some])
            ids[some] = np.argsort(-block, axis=1, kind="stable")[:, :k]
            log_probs[some] = np.take_along_axis(block, ids[some], axis=1)
        return ids, log_probs

    def sample_sequences(
        self,
        starts: NDArray[Any],
        *,
        max_length: int,
        stop: int | None = None,
        seed: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Draw a sequence after each start, each token from the row of the one before it.

        Rows that do not sum to one are drawn from in proportion. The first call with a setting of
        temperature, top_k and top_p prepares alias tables for it, as large as the table; those of
        the last two settings are kept.

        Parameters
        ----------
        starts : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
            The token before the first one of each sequence.
        max_length : int
            Largest number of tokens drawn after a start.
        stop : int, optional
            Ends a sequence and is not part of it.
        seed : int, optional
            In [0, 2**64). The tokens of sequence ``s`` depend only on the table, the seed, ``s``
            and its start. None: fresh entropy.
        temperature, top_k, top_p
            Applied to the whole row; see :class:`bigram.tables.sampling_filter.SamplingFilter`.
        num_threads : int, optional
            See :func:`bigram.set_num_threads`. The tokens do not depend on it.

        Returns
        -------
        tokens : ndarray, shape (drawn,), the smallest unsigned dtype that holds V - 1
        offsets : ndarray, shape (n + 1,), int64
            Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``.

        Raises
        ------
        TypeError
            If an argument has another type or dtype.
        ValueError
            If an argument is out of its range, or if a sequence reaches a context that has no
            distribution.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> table = bigram.DenseTable(np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> table.sample_sequences(np.array([0, 1]), max_length=3)
        (array([1, 0, 1, 0, 1, 0], dtype=uint8), array([0, 3, 6]))
        """
        sample = kept_sampler(self, SamplingFilter(temperature, top_k, top_p), num_threads)
        return sample(starts, max_length=max_length, stop=stop, seed=seed, num_threads=num_threads)

    @abstractmethod
    def _sampler(self, options: SamplingFilter, num_threads: int | None) -> SequenceSampler:
        """Prepare what draws sequences from the rows that `options` make of the table's."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that make the table, by name."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make the table that `arrays` came from; ValueError if the arrays do not make one."""


def kept_sampler(
    table: Table, options: SamplingFilter, num_threads: int | None = None
) -> SequenceSampler:
    """Return what draws sequences from `table` under `options`, prepared if it is not kept."""
    kept: dict[SamplingFilter, SequenceSampler] = table.__dict__.get("_samplers", {})
    sampler = kept.get(options)
    if sampler is None:
        sampler = table._sampler(options, num_threads)
        table.__dict__["_samplers"] = dict([*kept.items(), (options, sampler)][-_KEPT:])
    return sampler
