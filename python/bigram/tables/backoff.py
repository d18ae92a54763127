"""The table of P(next | context) as stored pairs with a backoff: an ARPA model in arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from bigram import kernels
from bigram.common.checks import bad_array, bad_shape, refuse_masked
from bigram.tables.backoff_weights import unseen_mass
from bigram.tables.base import Table
from bigram.tables.dense import DenseTable
from bigram.tables.sampling_filter import SamplingFilter
from bigram.tables.temperature import at_temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.tables.base import SequenceSampler

    _Floats: TypeAlias = NDArray[np.float64]
    _Arrays: TypeAlias = tuple[NDArray[np.int64], NDArray[Any], _Floats, _Floats, _Floats]

__all__ = ["BackoffTable"]

_NAMES = ("indptr", "indices", "probs", "backoff", "base")


@dataclass(frozen=True, eq=False)
class BackoffTable(Table):
    """A bigram model of O(pairs + V) numbers, sampled without building a row.

    ``P(j | i) = p[i, j]`` where the pair is stored, else ``backoff[i] * base[j]`` (Katz 1987; an
    ARPA file has the same structure).

    Parameters
    ----------
    indptr : ndarray, shape (V + 1,), int64
        The pairs of context `i` are at ``indptr[i]:indptr[i + 1]``.
    indices : ndarray, shape (pairs,), int32 or int64
        Successor of each pair, ascending within a context.
    probs : ndarray, shape (pairs,), float64
        Probability of each pair; finite, not negative.
    backoff : ndarray, shape (V,), float64
        Weight of the base in each context; finite, not negative.
    base : ndarray, shape (V,), float64
        Distribution over successors; finite, not negative.

    Raises
    ------
    TypeError
        If an argument is not an array of such a dtype.
    ValueError
        If the arrays do not fit together, or if a value is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> table = BackoffTable(np.array([0, 1, 1]), np.array([1]), np.array([0.75]),
    ...                      np.array([0.5, 1.0]), np.array([0.5, 0.5]))
    >>> np.exp(table.log_probs([0, 1]))
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """

    indptr: NDArray[np.int64]
    indices: NDArray[Any]
    probs: NDArray[np.float64]
    backoff: NDArray[np.float64]
    base: NDArray[np.float64]

    kind: ClassVar[str] = "backoff"

    def __post_init__(self) -> None:
        for name in _NAMES:
            object.__setattr__(self, name, _checked_array(name, getattr(self, name)))
        self._check_layout()
        for name in ("probs", "backoff", "base"):
            values = getattr(self, name)
            if len(values) and not (values.min() >= 0.0 and values.max() < np.inf):
                at = int(np.argmin((values >= 0.0) & (values < np.inf)))
                raise ValueError(f"{name}[{at}] = {values[at]}, wanted a finite number >= 0")

    def _check_layout(self) -> None:
        size, pairs = len(self.base), len(self.indices)
        if size == 0:
            raise ValueError("base is empty, wanted at least one symbol")
        lengths = {"indptr": size + 1, "probs": pairs, "backoff": size}
        for name, wanted in lengths.items():
            if len(getattr(self, name)) != wanted:
                raise ValueError(f"{name} has length {len(getattr(self, name))}, wanted {wanted}")
        indptr, indices = self.indptr, self.indices
        if indptr[0] != 0 or indptr[-1] != pairs or np.any(indptr[1:] < indptr[:-1]):
            raise ValueError(f"indptr does not ascend from 0 to {pairs}, the number of pairs")
        if pairs and not (indices.min() >= 0 and indices.max() < size):
            at = int(np.argmax((indices < 0) | (indices >= size)))
            raise ValueError(f"indices[{at}] = {indices[at]} is outside [0, {size})")
        descends = indices[1:] <= indices[:-1]
        first = indptr[1:-1]  # of a context: it may be below the last of the context before
        descends[first[(first > 0) & (first < pairs)] - 1] = False
        if descends.any():
            at = int(np.argmax(descends)) + 1
            raise ValueError(
                f"indices[{at}] = {indices[at]}, wanted more than the one before it, "
                f"{indices[at - 1]}"
            )

    def __getstate__(self) -> dict[str, Any]:
        return self.arrays()  # without the logarithms, slots and samplers made from them

    @property
    def vocab_size(self) -> int:
        """V, the number of ids."""
        return len(self.base)

    @property
    def num_pairs(self) -> int:
        """Number of pairs stored."""
        return len(self.indices)

    @cached_property
    def _log_probs(self) -> NDArray[np.float64]:
        return _log(self.probs)

    @cached_property
    def _log_backoff(self) -> NDArray[np.float64]:
        return _log(self.backoff)

    @cached_property
    def _log_base(self) -> NDArray[np.float64]:
        return _log(self.base)

    @cached_property
    def _slots(self) -> NDArray[np.uint64]:
        """The stored pairs in a hash table."""
        return kernels.index_pairs(self.indptr, self.indices, self._log_probs)

    def row_mass(self) -> NDArray[np.float64]:
        """Return the sum of each row, float64 (V,): close to one for a row of probabilities.

        Examples
        --------
        >>> table = BackoffTable(np.array([0, 1, 1]), np.array([1]), np.array([0.75]),
        ...                      np.array([0.5, 1.0]), np.array([0.5, 0.5]))
        >>> table.row_mass()
        array([1., 1.])
        """
        rows = np.repeat(np.arange(self.vocab_size), np.diff(self.indptr))
        stored = np.bincount(rows, weights=self.probs, minlength=self.vocab_size)
        return np.asarray(stored + self.backoff * unseen_mass(self.indptr, self.indices, self.base))

    @property
    def _logs(self) -> _Arrays:
        return self.indptr, self.indices, self._log_probs, self._log_backoff, self._log_base

    def to_dense(self) -> DenseTable:
        """Return the same model as a V x V array: O(V**2) memory.

        Examples
        --------
        >>> table = BackoffTable(np.array([0, 1, 1]), np.array([1]), np.array([0.75]),
        ...                      np.array([0.5, 1.0]), np.array([0.5, 0.5]))
        >>> table.to_dense().probs
        array([[0.25, 0.75],
               [0.5 , 0.5 ]])
        """
        probs = self.backoff[:, None] * self.base
        rows = np.repeat(np.arange(self.vocab_size), np.diff(self.indptr))
        probs[rows, self.indices] = self.probs
        return DenseTable(probs)

    def select(self, keep: NDArray[np.bool_]) -> BackoffTable:
        """Return a table that stores some of the pairs and leaves the others to the backoff.

        Parameters
        ----------
        keep : ndarray, shape (pairs,), bool

        Returns
        -------
        BackoffTable
            Its backoff is the same, so its rows may no longer sum to one.

        Examples
        --------
        >>> table = BackoffTable(np.array([0, 1, 1]), np.array([1]), np.array([0.75]),
        ...                      np.array([0.5, 1.0]), np.array([0.5, 0.5]))
        >>> table.select(np.array([False])).num_pairs
        0
        """
        before = np.concatenate([[0], np.cumsum(keep)])  # pairs kept before each pair
        return BackoffTable(
            before[self.indptr], self.indices[keep], self.probs[keep], self.backoff, self.base
        )

    def _rows(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return kernels.backoff_rows(*self._logs, contexts)

    def _pairs(self, contexts: NDArray[np.int64], nexts: NDArray[np.int64]) -> NDArray[np.float64]:
        return kernels.score_backoff_pairs(
            self._slots, self._log_backoff, self._log_base, contexts, nexts
        )

    def _scores(
        self, tokens: NDArray[Any], offsets: NDArray[np.int64] | None, num_threads: int | None
    ) -> NDArray[np.float64]:
        return kernels.score_backoff_sequences(
            self._slots,
            self._log_backoff,
            self._log_base,
            tokens,
            offsets=offsets,
            num_threads=num_threads,
        )

    def _best(
        self, contexts: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return kernels.backoff_top_k(*self._logs, contexts, k, base_order=self._base_order)

    def _sampler(self, options: SamplingFilter, num_threads: int | None) -> SequenceSampler:
        weights: _Arrays = self.indptr, self.indices, self.probs, self.backoff, self.base
        if options.temperature != 1.0:
            weights = at_temperature(*self._logs, self._base_order, options.temperature)
        sampler = kernels.prepare_backoff_sampler(
            *weights, top_k=options.top_k, top_p=options.top_p, num_threads=num_threads
        )
        return partial(kernels.sample_backoff_sequences, sampler, self.vocab_size)

    @cached_property
    def _base_order(self) -> NDArray[np.int64]:
        """Ids in descending order of the base; equal values in ascending order of ids."""
        return np.argsort(-self.base, kind="stable")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that make the table, by the names of its parameters."""
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> BackoffTable:
        """Make the table that `arrays` came from; ValueError if the arrays do not make one."""
        if set(arrays) != set(_NAMES):
            raise ValueError(
                f"arrays = {sorted(arrays)}, wanted {sorted(_NAMES)} for a table with backoff"
            )
        try:
            return cls(**arrays)
        except TypeError as error:
            raise ValueError(str(error)) from None


def _checked_array(name: str, array: object) -> NDArray[Any]:
    """Return an array of the table as a C-contiguous one of its dtype."""
    refuse_masked(array, name)
    is_integer = name in ("indptr", "indices")
    wanted = "integers" if is_integer else "floats"
    if not isinstance(array, np.ndarray) or array.dtype.kind not in ("iu" if is_integer else "f"):
        raise bad_array(array, name, f"an array of {wanted}")
    if array.ndim != 1:
        raise bad_shape(array, name, "one dimension")
    dtype = np.int64 if is_integer else np.float64
    if name == "indices" and array.dtype == np.int32:
        dtype = np.int32  # as SciPy has it: half the memory
    return np.ascontiguousarray(array, dtype)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(values)
