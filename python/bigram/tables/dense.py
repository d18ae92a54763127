"""The table of P(next | context) as one dense array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bigram import kernels
from bigram.common.checks import bad_array, bad_shape, refuse_masked
from bigram.tables.base import Table
from bigram.tables.blocks import row_blocks
from bigram.tables.sampling_filter import SamplingFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.tables.base import SequenceSampler

__all__ = ["DenseTable"]


@dataclass(frozen=True, eq=False)
class DenseTable(Table):
    """A bigram model as a matrix: ``probs[i, j]`` is the probability that `j` follows `i`.

    Parameters
    ----------
    probs : ndarray, shape (V, V), float64
        Finite, not negative. A row of zeros is a context that has no distribution: its scores
        are -inf, and sampling from it is an error. Other rows should sum to one.

    Raises
    ------
    TypeError
        If `probs` is not an array of float64.
    ValueError
        If it has another shape, or if a value is negative, nan or infinite.

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
        probs: Any = self.probs
        refuse_masked(probs, "probs")
        if not isinstance(probs, np.ndarray) or probs.dtype != np.float64:
            raise bad_array(probs, "probs", "an array of float64")
        if probs.ndim != 2 or probs.shape[0] != probs.shape[1] or probs.shape[0] == 0:
            raise bad_shape(probs, "probs", "(V, V) with V at least 1")
        if not (probs.min() >= 0.0 and probs.max() < np.inf):
            i, j = (int(x[0]) for x in np.nonzero(~((probs >= 0.0) & (probs < np.inf))))
            raise ValueError(f"probs[{i}, {j}] = {probs[i, j]}, wanted a finite number >= 0")

    def __getstate__(self) -> dict[str, Any]:
        return {"probs": self.probs}  # without the logarithms and samplers made from it

    @property
    def vocab_size(self) -> int:
        """V, the number of ids."""
        return int(self.probs.shape[0])

    @cached_property
    def _log_table(self) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return np.log(self.probs)

    def row_mass(self) -> NDArray[np.float64]:
        """Return the sum of each row, float64 (V,): close to one for a row of probabilities.

        Examples
        --------
        >>> DenseTable(np.array([[0.25, 0.75], [0.0, 0.0]])).row_mass()
        array([1., 0.])
        """
        return np.asarray(self.probs.sum(axis=1))

    def _rows(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._log_table.take(contexts, axis=0)

    def _pairs(self, contexts: NDArray[np.int64], nexts: NDArray[np.int64]) -> NDArray[np.float64]:
        pairs: NDArray[np.float64] = self._log_table[contexts, nexts]
        return pairs

    def _scores(
        self, tokens: NDArray[Any], offsets: NDArray[np.int64] | None, num_threads: int | None
    ) -> NDArray[np.float64]:
        return kernels.score_sequences(
            self._log_table, tokens, offsets=offsets, num_threads=num_threads
        )

    def _sampler(self, options: SamplingFilter, num_threads: int | None) -> SequenceSampler:
        weights = self.probs if options.is_identity else self._filtered(options)
        sampler = kernels.prepare_sampler(weights, num_threads=num_threads)
        return partial(kernels.sample_sequences, sampler)

    def _filtered(self, options: SamplingFilter) -> NDArray[np.float64]:
        weights = np.empty_like(self.probs)
        for some in row_blocks(self.vocab_size, self.vocab_size):
            weights[some] = options.weights(self._log_table[some])
        return weights

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the array that makes the table, by name: ``probs``.

        Examples
        --------
        >>> list(DenseTable(np.eye(2)).arrays())
        ['probs']
        """
        return {"probs": self.probs}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> DenseTable:
        """Make the table that `arrays` came from; ValueError if the arrays do not make one."""
        if set(arrays) != {"probs"} or arrays["probs"].dtype != np.float64:
            raise ValueError(
                f"arrays = {sorted(arrays)}, wanted probs of float64 for a dense table"
            )
        return cls(arrays["probs"])
