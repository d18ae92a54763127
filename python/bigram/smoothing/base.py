"""What smoothing methods share: from counts to a table, the base distribution, JSON and back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from bigram.common.checks import bad_value, check_number, refuse_masked
from bigram.smoothing.statistics import PairCounts
from bigram.smoothing.tuning import maximum
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
    """The discounts of counts of one, two, and three.

    Attributes
    ----------
    unigram, bigram : tuple of three floats
        Those of the continuation counts of tokens, and of the counts of pairs.
    unigram_fallback, bigram_fallback : bool
        Whether they could not be estimated, so that fixed discounts are used.
    largest : int or None
        The largest count that is discounted: `Katz.k`, or less where it had to be lowered. None:
        the third discount is that of all counts of three and more.
    """

    unigram: tuple[float, float, float]
    bigram: tuple[float, float, float]
    unigram_fallback: bool = False
    bigram_fallback: bool = False
    largest: int | None = None


@dataclass(frozen=True)
class Smoothing(ABC):
    """A way to turn counts into probabilities. Its fields are its options.

    A subclass implements `_smooth`, and the other methods with an underscore if they apply to it.
    """

    @abstractmethod
    def _smooth(self, pairs: PairCounts) -> BackoffTable:
        """Make the table of these pairs."""

    def _discounts(self, pairs: PairCounts) -> Discounts | None:  # noqa: ARG002
        """Return the discounts of these pairs; most methods have none."""
        return None

    def _tuned(self, pairs: PairCounts, held_out: PairCounts | None) -> Self:  # noqa: ARG002
        """Return the method with its free parameter chosen; most methods have none."""
        return self

    def _tuned_on(
        self,
        held_out: PairCounts,
        pairs: PairCounts,
        option: str,
        low: float,
        high: float,
        *,
        log_scale: bool = False,
    ) -> Self:
        """Return the method with the `option` in [low, high] that predicts held-out pairs best.

        Pairs that no value gives any probability are left out of the likelihood.
        """
        contexts = held_out.per_pair(np.arange(held_out.vocab_size))

        def scores(value: float) -> NDArray[np.float64]:
            table = replace(self, **{option: value})._smooth(pairs)
            return table.pair_log_probs(contexts, held_out.indices)

        middle = math.sqrt(low * high) if log_scale else (low + high) / 2.0
        possible = np.isfinite(scores(middle))

        def likelihood(value: float) -> float:
            return float(held_out.counts[possible] @ scores(value)[possible])

        # Each evaluation smooths all counts: a lower accuracy than leave-one-out's saves half.
        best = maximum(likelihood, low, high, tolerance=1e-5, log_scale=log_scale)
        return replace(self, **{option: best})

    def _dense_table(
        self,
        counts: BigramCounts,
        matrix: NDArray[np.int64],  # noqa: ARG002 - enough for some methods
    ) -> DenseTable:
        """Make the table of counts whose matrix is dense: O(V**2) memory."""
        return self.backoff_table(counts).to_dense()

    def backoff_table(self, counts: BigramCounts) -> BackoffTable:
        """Return the smoothed model as pairs with a backoff: O(pairs + V) memory.

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        BackoffTable

        Raises
        ------
        ValueError
            If the length of `base` is not the vocabulary size.

        Examples
        --------
        >>> import bigram
        >>> bigram.WittenBell().backoff_table(bigram.count(["ab", "b"])).num_pairs
        4
        """
        pairs = PairCounts.of(counts)
        return self._tuned(pairs, None)._smooth(pairs)

    def table(self, counts: BigramCounts) -> DenseTable | BackoffTable:
        """Return the smoothed model: dense if the counts are dense, else pairs with a backoff.

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        DenseTable or BackoffTable

        Raises
        ------
        ValueError
            If the length of `base` is not the vocabulary size.

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
        """Return the discounts of these counts, and whether they had to fall back.

        Parameters
        ----------
        counts : BigramCounts

        Returns
        -------
        Discounts or None
            None if the method does not discount by the size of a count.

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
            The counts that the model is made of.
        held_out : BigramCounts, optional
            Counts of other text under the same tokenizer: the parameter gets the value that makes
            them most likely, whatever it is now. Without them, a parameter that is "auto" is
            chosen by leave-one-out estimation on `counts`, and a number stays as it is.

        Returns
        -------
        Smoothing
            Of the same class.

        Raises
        ------
        ValueError
            If `held_out` has another vocabulary or no pairs.

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
                    f"held_out has {other.vocab_size} symbols, wanted {pairs.vocab_size}"
                )
            if len(other.counts) == 0:
                raise ValueError("held_out has no pairs, wanted at least one")
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
    if smoothing.base_uniform is not None:
        check_number(smoothing.base_uniform, "base_uniform", 0.0, 1.0, "a number in [0, 1]")
    base = smoothing.base
    if isinstance(base, str):
        if base not in _BASES:
            raise bad_value(base, "base", f"one of {_BASES} or an array")
        return
    refuse_masked(base, "base")
    values = np.asarray(base)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise TypeError(
            f"base has shape {values.shape} and dtype {values.dtype}, wanted one of {_BASES} or a "
            "1-D array of numbers"
        )
    values = values.astype(np.float64)
    if not (np.all(values >= 0.0) and abs(values.sum() - 1.0) <= 1e-6):
        raise ValueError(f"base sums to {values.sum()}, wanted numbers >= 0 that sum to one")
    object.__setattr__(smoothing, "base", tuple((values / values.sum()).tolist()))


def base_distribution(
    smoothing: Any, pairs: PairCounts, own_weight: Callable[[NDArray[np.int64]], float]
) -> NDArray[np.float64]:
    """Return the distribution, (V,), that the options `base` and `base_uniform` name.

    `own_weight` is what the method itself would give to uniform: of the counts of tokens, (V,),
    not all zero.
    """
    q, weight = unmixed_base(smoothing, pairs), uniform_weight(smoothing, pairs, own_weight)
    return np.asarray((1.0 - weight) * q + weight / len(q) if weight else q, np.float64)


def unmixed_base(smoothing: Any, pairs: PairCounts) -> NDArray[np.float64]:
    """Return the distribution, (V,), that the option `base` names."""
    if not isinstance(smoothing.base, str):
        q = np.array(smoothing.base, np.float64)
        if len(q) != pairs.vocab_size:
            raise ValueError(
                f"base has length {len(q)}, wanted the vocabulary size, {pairs.vocab_size}"
            )
        return q
    counts = _token_counts(smoothing, pairs)
    if counts is None:
        return np.full(pairs.vocab_size, 1.0 / pairs.vocab_size)
    return np.asarray(counts / counts.sum())


def uniform_weight(
    smoothing: Any, pairs: PairCounts, own_weight: Callable[[NDArray[np.int64]], float]
) -> float:
    """Return the weight of uniform that the options `base` and `base_uniform` name."""
    counts = _token_counts(smoothing, pairs)
    if isinstance(smoothing.base, str) and counts is None:
        return 0.0  # the base is uniform already
    if smoothing.base_uniform is not None:
        return float(smoothing.base_uniform)
    return 0.0 if counts is None else own_weight(counts)


def _token_counts(smoothing: Any, pairs: PairCounts) -> NDArray[np.int64] | None:
    """Return the counts of tokens, (V,), that the base is made of; None if there are none."""
    if smoothing.base not in ("unigram", "continuation") or len(pairs.counts) == 0:
        return None
    return pairs.column_sums if smoothing.base == "unigram" else pairs.num_predecessors


def interpolated(
    pairs: PairCounts,
    kept: NDArray[np.float64],
    backoff: NDArray[np.float64],
    base: NDArray[np.float64],
) -> BackoffTable:
    """Return the table of ``kept + backoff * base``, with `kept` the share that each pair keeps.

    A context never seen has all its mass in the base.
    """
    backoff = np.where(pairs.num_successors > 0, backoff, 1.0)
    probs = kept + pairs.per_pair(backoff) * base[pairs.indices]
    return BackoffTable(pairs.indptr, pairs.indices, probs, backoff, base)


def divide(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with zero where the denominator is zero."""
    result = np.zeros(len(denominator))
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
