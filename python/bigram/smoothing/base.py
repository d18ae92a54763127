"""What smoothing methods share: from counts to a table, the base distribution, JSON and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from bigram.common.checks import check_number
from bigram.smoothing.statistics import PairCounts
from bigram.tables.backoff import BackoffTable
from bigram.tables.dense import DenseTable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from bigram.counts.bigram_counts import BigramCounts

__all__ = ["Base", "Discounts", "Smoothing"]

Auto: TypeAlias = Literal["auto"]
Base: TypeAlias = Literal["unigram", "continuation", "uniform"] | Iterable[float]

_BASES = ("unigram", "continuation", "uniform")


class Discounts(NamedTuple):
    """What was taken off counts of one, two, and three or more.

    Attributes
    ----------
    unigram, bigram : tuple of three floats
        For the continuation counts of tokens, and for the counts of pairs.
    unigram_fallback, bigram_fallback : bool
        Whether the counts could not tell, and fixed discounts were taken.
    """

    unigram: tuple[float, float, float]
    bigram: tuple[float, float, float]
    unigram_fallback: bool = False
    bigram_fallback: bool = False


@dataclass(frozen=True)
class Smoothing(ABC):
    """A way to turn counts into probabilities. Its fields are its options."""

    @abstractmethod
    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        """Make the table of these pairs."""

    def _discounts(self, pairs: PairCounts) -> Discounts | None:  # noqa: ARG002
        """Discounts of these pairs; most methods have none."""
        return None

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> Self:  # noqa: ARG002
        """Fill in the free parameter; most methods have none."""
        return self

    def _dense_table(
        self,
        counts: BigramCounts,
        matrix: NDArray[np.int64],  # noqa: ARG002 - enough for some methods
    ) -> DenseTable:
        """Make the table of counts whose matrix is dense."""
        return self.backoff_table(counts).to_dense()

    def backoff_table(self, counts: BigramCounts) -> BackoffTable:
        """Return the smoothed model as pairs with a backoff; memory O(pairs + V).

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        BackoffTable

        Raises
        ------
        ValueError
            For a base of another length than the vocabulary.

        Examples
        --------
        >>> import bigram
        >>> bigram.WittenBell().backoff_table(bigram.count(["ab", "b"])).num_pairs
        4
        """
        pairs = PairCounts.of(counts)
        return self._tuned(pairs, None)._smooth(pairs)

    def table(self, counts: BigramCounts) -> DenseTable | BackoffTable:
        """Return the smoothed model: dense for dense counts, else pairs with a backoff.

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        DenseTable or BackoffTable

        Raises
        ------
        ValueError
            For a base of another length than the vocabulary.

        Examples
        --------
        >>> import bigram
        >>> bigram.WittenBell(base="uniform").table(bigram.count(["a", "aa"])).probs
        array([[0.16666667, 0.83333333],
               [0.6       , 0.4       ]])
        """
        if isinstance(counts.matrix, np.ndarray):
            return self._dense_table(counts, counts.matrix)
        return self.backoff_table(counts)

    def discounts(self, counts: BigramCounts) -> Discounts | None:
        """Return what is taken off these counts, and whether it had to fall back.

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        Discounts or None
            None for a method that does not discount by the size of a count.

        Examples
        --------
        >>> import bigram
        >>> bigram.AbsoluteDiscount(0.5).discounts(bigram.count(["ab", "b"])).bigram
        (0.5, 0.5, 0.5)
        """
        pairs = PairCounts.of(counts)
        return self._tuned(pairs, None)._discounts(pairs)

    def tuned(self, counts: BigramCounts, held_out: BigramCounts | None = None) -> Self:
        """Return this method with its free parameter chosen, if it has one.

        Parameters
        ----------
        counts : BigramCounts
            What the model is made of.
        held_out : BigramCounts, optional
            Other text, counted with the same tokenizer: its likelihood is made as large as can
            be, whatever the parameter is now. Without it, a parameter that is "auto" is chosen by
            leaving each pair of `counts` out in turn, and a number stays.

        Returns
        -------
        Smoothing
            Of the same class.

        Raises
        ------
        ValueError
            For a held-out text of another vocabulary, or an empty one.

        Examples
        --------
        >>> import bigram
        >>> counts = bigram.count(["emma", "ava", "eva"])
        >>> 0 < bigram.JelinekMercer().tuned(counts).weight < 1
        True
        """
        pairs = PairCounts.of(counts)
        other = None
        if held_out is not None:
            other = PairCounts.of(held_out)
            if other.vocab_size != pairs.vocab_size:
                raise ValueError(
                    f"held_out has {other.vocab_size} symbols; wanted {pairs.vocab_size}"
                )
            if len(other.counts) == 0:
                raise ValueError("held_out holds no pairs")
        return self._tuned(pairs, other)

    def to_json(self) -> dict[str, Any]:
        """Return the name of the method and its options; see `bigram.smoothing.from_json`."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            "name": type(self).__name__,
            **{key: list(v) if isinstance(v, tuple) else v for key, v in options.items()},
        }


def check_base(smoothing: Any) -> None:
    """Check the options `base` and `base_uniform`; a base of numbers becomes a tuple."""
    check_number(smoothing.base_uniform, "base_uniform", 0.0, 1.0, "a number in [0, 1]")
    base = smoothing.base
    if isinstance(base, str):
        if base not in _BASES:
            raise ValueError(f"base = {base!r} is unknown; wanted one of {_BASES} or an array")
        return
    values = np.asarray(base)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise TypeError(f"base must be one of {_BASES} or a 1-D array of numbers")
    values = values.astype(np.float64)
    if not (np.all(values >= 0.0) and abs(values.sum() - 1.0) <= 1e-6):
        raise ValueError(f"base must be probabilities; it sums to {values.sum()}")
    object.__setattr__(smoothing, "base", tuple((values / values.sum()).tolist()))


def base_distribution(smoothing: Any, pairs: PairCounts) -> NDArray[np.float64]:
    """Return the distribution (V,) that the options `base` and `base_uniform` ask for."""
    size, base = pairs.vocab_size, smoothing.base
    uniform = np.full(size, 1.0 / size)
    if base == "uniform" or (isinstance(base, str) and len(pairs.counts) == 0):
        return uniform
    if base == "unigram":
        q = pairs.column_sums / pairs.total
    elif base == "continuation":
        q = pairs.num_predecessors / len(pairs.counts)
    else:
        q = np.array(base)
        if len(q) != size:
            raise ValueError(f"base has length {len(q)}; wanted the vocabulary size, {size}")
    weight = smoothing.base_uniform
    return np.asarray((1.0 - weight) * q + weight * uniform if weight else q, np.float64)


def interpolated(
    pairs: PairCounts,
    kept: NDArray[np.float64],
    backoff: NDArray[np.float64],
    base: NDArray[np.float64],
) -> BackoffTable:
    """Add the base, weighted by the backoff, to what each pair keeps.

    A context never seen has all its mass in the base.
    """
    backoff = np.where(pairs.num_successors > 0, backoff, 1.0)
    probs = kept + pairs.per_pair(backoff) * base[pairs.indices]
    return BackoffTable(pairs.indptr, pairs.indices, probs, backoff, base)


def divide(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with zero where the divisor is zero."""
    result = np.zeros(len(below))
    np.divide(above, below, out=result, where=below > 0)
    return result
