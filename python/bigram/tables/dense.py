"""The table of P(next | context) as one dense array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bigram import kernels
from bigram.tables.checks import check_ids, check_pairs, check_top_k
from bigram.tables.filtering import SamplingFilter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from bigram.tables import Table

__all__ = ["DenseTable", "top_of_rows"]

_BLOCK = 1 << 20  # elements worked on at a time, so that temporaries stay small


@dataclass(frozen=True, eq=False)
class DenseTable:
    """A bigram model as a matrix: ``probs[i, j]`` is the probability that `j` follows `i`.

    Parameters
    ----------
    probs : ndarray, shape (V, V), float64
        Non-negative and finite. Rows of probabilities sum to one; a row of zeros is a context
        that has no distribution (scores are -inf, sampling from it is an error).

    Raises
    ------
    TypeError
        For something else than an array of float64.
    ValueError
        For another shape, or a value that is negative, nan or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> table = DenseTable(np.array([[0.0, 1.0], [0.5, 0.5]]))
    >>> np.exp(table.log_probs([1]))
    array([[0.5, 0.5]])
    """

    probs: NDArray[np.float64]

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        probs = self.probs
        if not isinstance(probs, np.ndarray) or probs.dtype != np.float64:
            got = getattr(probs, "dtype", type(probs).__name__)
            raise TypeError(f"probs must be an array of float64, not {got}")
        if probs.ndim != 2 or probs.shape[0] != probs.shape[1] or probs.shape[0] == 0:
            raise ValueError(f"probs has shape {probs.shape}; wanted (V, V), V at least 1")
        if not (probs.min() >= 0.0 and probs.max() < np.inf):
            i, j = (int(x[0]) for x in np.nonzero(~((probs >= 0.0) & (probs < np.inf))))
            raise ValueError(f"probs[{i}, {j}] = {probs[i, j]} must be finite and not negative")

    def __getstate__(self) -> dict[str, Any]:
        return {"probs": self.probs}  # what was worked out from it is not pickled

    @property
    def vocab_size(self) -> int:
        """V."""
        return int(self.probs.shape[0])

    @cached_property
    def _log_table(self) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return np.log(self.probs)

    def row_mass(self) -> NDArray[np.float64]:
        """Return the sum of each row, float64 (V,): one, or nearly, for a row of probabilities.

        Examples
        --------
        >>> DenseTable(np.array([[0.25, 0.75], [0.0, 0.0]])).row_mass()
        array([1., 0.])
        """
        return np.asarray(self.probs.sum(axis=1))

    def log_probs(self, contexts: ArrayLike) -> NDArray[np.float64]:
        """Return whole rows.

        Parameters
        ----------
        contexts : array of int, shape (B,)

        Returns
        -------
        ndarray, shape (B, V), float64
            ln P(j | context), nats.

        Raises
        ------
        TypeError, ValueError
            For ids that are no integers, or outside [0, V).

        Examples
        --------
        >>> np.exp(DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]])).log_probs([1, 0]))
        array([[0.5 , 0.5 ],
               [0.25, 0.75]])
        """
        return self._log_table.take(check_ids(contexts, self.vocab_size, "contexts"), axis=0)

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
        TypeError, ValueError
            For ids that are no integers, or outside [0, V).

        Examples
        --------
        >>> np.exp(DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]])).pair_log_probs([0, 1], [1, 1]))
        array([0.75, 0.5 ])
        """
        rows, columns = check_pairs(contexts, nexts, self.vocab_size)
        pairs: NDArray[np.float64] = self._log_table[rows, columns]
        return pairs

    def score_sequences(
        self,
        tokens: NDArray[Any],
        offsets: NDArray[np.int64] | None = None,
        *,
        num_threads: int | None = None,
    ) -> NDArray[np.float64]:
        """Return the log-likelihood of each sequence; see :func:`bigram.kernels.score_sequences`.

        Parameters
        ----------
        tokens : ndarray, shape (n,), integer
        offsets : ndarray, shape (n_sequences + 1,), int64, optional
        num_threads : int, optional

        Returns
        -------
        ndarray, shape (n_sequences,), float64
            Nats.

        Raises
        ------
        TypeError, ValueError
            For tokens that are no integers or outside [0, V), and offsets that descend or leave
            the tokens.

        Examples
        --------
        >>> table = DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]]))
        >>> np.exp(table.score_sequences(np.array([0, 1, 1])))
        array([0.375])
        """
        return kernels.score_sequences(
            self._log_table, tokens, offsets=offsets, num_threads=num_threads
        )

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
            In descending order of probability, ties from the lower id on.
        log_probs : ndarray, shape (B, k), float64
            Nats.

        Raises
        ------
        TypeError, ValueError
            For ids that are no integers, or outside [0, V); for k below 1.

        Examples
        --------
        >>> ids, log_probs = DenseTable(np.array([[0.25, 0.75], [0.5, 0.5]])).top_k([0, 1], 1)
        >>> ids
        array([[1],
               [0]])
        """
        return top_of_rows(self, contexts, k)

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
        """Draw a sequence after each start; see :func:`bigram.kernels.sample_sequences`.

        Parameters
        ----------
        starts : ndarray, shape (n,), integer
        max_length : int
        stop : int, optional
            Ends a sequence and is not part of it.
        seed : int, optional
        temperature, top_k, top_p
            See :class:`bigram.tables.filtering.SamplingFilter`.
        num_threads : int, optional

        Returns
        -------
        tokens : ndarray, shape (drawn,), the smallest unsigned dtype that holds V - 1
        offsets : ndarray, shape (n + 1,), int64

        Raises
        ------
        TypeError, ValueError
            For an argument of another kind, or out of its range.
        ValueError
            When a context without a distribution is reached.

        Examples
        --------
        >>> table = DenseTable(np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> table.sample_sequences(np.array([0, 1]), max_length=3)
        (array([1, 0, 1, 0, 1, 0], dtype=uint8), array([0, 3, 6]))
        """
        chosen = SamplingFilter(temperature, top_k, top_p)
        return kernels.sample_sequences(
            self.probs if chosen.is_identity else self._filtered(chosen),
            starts,
            max_length=max_length,
            stop=stop,
            seed=seed,
            num_threads=num_threads,
        )

    def _filtered(self, chosen: SamplingFilter) -> NDArray[np.float64]:
        """Return the weights under a setting; the last setting is kept for the next call."""
        last = self.__dict__.get("_last_filtered")
        if last is not None and last[0] == chosen:
            return last[1]  # type: ignore[no-any-return]
        weights = np.empty_like(self.probs)
        step = max(1, _BLOCK // self.vocab_size)
        for start in range(0, self.vocab_size, step):
            weights[start : start + step] = chosen.weights(self._log_table[start : start + step])
        self.__dict__["_last_filtered"] = (chosen, weights)
        return weights

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that make the table, by name.

        Returns
        -------
        dict
            ``probs``: ndarray, shape (V, V), float64.

        Examples
        --------
        >>> list(DenseTable(np.eye(2)).arrays())
        ['probs']
        """
        return {"probs": self.probs}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> DenseTable:
        """Make the table that `arrays` came from; ValueError if they are not what it needs."""
        if set(arrays) != {"probs"} or arrays["probs"].dtype != np.float64:
            raise ValueError(f"a dense table needs probs of float64, not {sorted(arrays)}")
        return cls(arrays["probs"])


def top_of_rows(
    table: Table, contexts: ArrayLike, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the top k by sorting whole rows, a block of them at a time; see `DenseTable.top_k`."""
    rows, k = check_ids(contexts, table.vocab_size, "contexts"), check_top_k(k, table.vocab_size)
    ids, log_probs = np.empty((len(rows), k), np.int64), np.empty((len(rows), k))
    step = max(1, _BLOCK // table.vocab_size)
    for start in range(0, len(rows), step):
        block = table.log_probs(rows[start : start + step])
        best = np.argsort(-block, axis=1, kind="stable")[:, :k]
        ids[start : start + step] = best
        log_probs[start : start + step] = np.take_along_axis(block, best, axis=1)
    return ids, log_probs
