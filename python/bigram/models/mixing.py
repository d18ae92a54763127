"""Mixtures of models, with given weights or those that suit a held-out text best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import bad_value
from bigram.corpus.corpus import Corpus
from bigram.counting.count import count
from bigram.counts.bigram_counts import BigramCounts
from bigram.inference.model import BigramModel
from bigram.tables.backoff import BackoffTable
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable
from bigram.tokenizers.protocol import Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.tables.base import Table

__all__ = ["interpolate"]

_MOST_STEPS = 1000  # a dozen are usual
_HALVINGS = 20  # of a step of Newton's method, until it gains
_LEAST_GAIN = 1e-12  # nats per token; where no weights can gain more, the search ends


def interpolate(
    models: Sequence[BigramModel | Table],
    weights: Sequence[float] | str = "auto",
    *,
    held_out: Corpus | Iterable[str] | BigramCounts | None = None,
) -> MixtureTable:
    """Mix models of one vocabulary: ``P(j | i) = sum_m weights[m] P_m(j | i)``.

    Parameters
    ----------
    models : sequence of models or tables
    weights : sequence of float, or "auto"
        "auto" finds those that make `held_out` most likely (Jelinek and Mercer 1980; as SRILM's
        compute-best-mix, but to the optimum).
    held_out : Corpus, iterable of str or BigramCounts, optional
        Text that no model was fitted on, encoded with the first model's tokenizer. Pairs that have
        probability zero in every model are left out.

    Returns
    -------
    MixtureTable
        ``CountModel.from_table(mixture, tokenizer)`` makes a model of it.

    Raises
    ------
    ValueError
        If the models have different vocabularies, the weights are not a distribution, "auto" has
        no held-out text or a model of scores (`StupidBackoff`), or weights have a held-out text.

    Examples
    --------
    >>> import bigram
    >>> texts, others = ["ab", "abb", "b"], ["ba", "aab"]
    >>> tokenizer = bigram.CharTokenizer.from_texts(texts + others)
    >>> models = [bigram.CountModel(bigram.AddK(1), tokenizer).fit(t) for t in (texts, others)]
    >>> mixture = bigram.interpolate(models, held_out=["bab"])
    >>> mixture.weights.round(3)
    array([0.343, 0.657])
    """
    tables = [_table(model) for model in models]
    if not tables:
        raise ValueError("models is empty, wanted at least one")
    tokenizers = [m.tokenizer for m in models if isinstance(m, BigramModel)]
    known = [t for t in tokenizers if t is not None]
    for other in known[1:]:
        if other.vocab != known[0].vocab:
            raise ValueError("models have different vocabularies, wanted the same")
    even = MixtureTable(tables, np.full(len(tables), 1.0 / len(tables)))
    if not isinstance(weights, str):
        if held_out is not None:
            raise ValueError("held_out and weights were given, wanted only one of them")
        return MixtureTable(tables, weights)
    if weights != "auto":
        raise bad_value(weights, "weights", "'auto' or a number for each model")
    if held_out is None:
        raise ValueError("weights = 'auto' needs held_out, a text to choose them by")
    _check_probabilities(tables)
    counts = _held_out_counts(held_out, known[0] if known else None)
    if counts.vocab_size != even.vocab_size:
        raise ValueError(
            f"held_out has {counts.vocab_size} symbols, wanted {even.vocab_size} as in the models"
        )
    return MixtureTable(tables, _best_weights(tables, counts))


def _held_out_counts(
    held_out: Corpus | Iterable[str] | BigramCounts, tokenizer: Tokenizer | None
) -> BigramCounts:
    if isinstance(held_out, BigramCounts):
        return held_out
    if tokenizer is None and not isinstance(held_out, Corpus):
        raise ValueError("held_out is text and no model has a tokenizer, wanted BigramCounts")
    return count(held_out, tokenizer)


def _table(model: Any) -> DenseTable | BackoffTable:
    table = model.table if isinstance(model, BigramModel) else model
    if not isinstance(table, (DenseTable, BackoffTable)):
        raise TypeError(
            f"models holds {type(table).__name__}, wanted models, DenseTable or BackoffTable; mix "
            "the parts of a mixture instead of it"
        )
    return table


def _check_probabilities(tables: list[DenseTable | BackoffTable]) -> None:
    for number, table in enumerate(tables):
        if not table.is_normalized:
            raise ValueError(
                f"models[{number}] gives scores, whose rows do not sum to one, wanted "
                "probabilities: scores have no likelihood to choose weights by"
            )


def _best_weights(
    tables: list[DenseTable | BackoffTable], held_out: BigramCounts
) -> NDArray[np.float64]:
    """Return the weights of maximum likelihood."""
    pairs = held_out.to_scipy().tocoo()
    logs = np.array([table.pair_log_probs(pairs.row, pairs.col) for table in tables])
    highest = logs.max(axis=0)
    possible = np.isfinite(highest)
    # A factor for each pair changes nothing but underflow.
    probs = np.exp(logs[:, possible] - highest[possible])
    times = pairs.data[possible] / max(int(pairs.data[possible].sum()), 1)
    return _maximum_likelihood(probs, times)


def _maximum_likelihood(
    probs: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights, (M,), that maximise ``times @ log(weights @ probs)``.

    Each step is one of expectation maximisation, then one of Newton's method. The first shares each
    pair among the tables in proportion to weight times probability, and a new weight is a mean
    share: it always gains, but needs thousands of steps near a flat optimum. The likelihood is
    concave: no weights gain more than the largest element of the gradient less one, so that a
    small one proves the optimum.

    Parameters
    ----------
    probs : ndarray, shape (M, pairs), float64
    times : ndarray, shape (pairs,), float64
        They sum to one, or are none.
    """
    weights = np.full(len(probs), 1.0 / len(probs))
    for _ in range(_MOST_STEPS if len(times) else 0):
        gradient = probs @ (times / (weights @ probs))
        if gradient.max() - 1.0 < _LEAST_GAIN:
            break
        weights = weights * gradient
        weights = _newton_step(weights / weights.sum(), probs, times)
    return weights


def _newton_step(
    weights: NDArray[np.float64], probs: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return weights of a higher likelihood, or the same ones.

    Under the constraint that weights sum to one, the maximum is that of ``likelihood - sum`` over
    weights that are only not negative (Kim, Carbonetto, Stephens and Anitescu 2020, section 2). The
    quadratic model of it is a problem of non-negative least squares.
    """
    from scipy.optimize import nnls

    def value(some: NDArray[np.float64]) -> float:
        total = some @ probs
        return float(times @ np.log(total) - some.sum()) if total.min() > 0.0 else -np.inf

    scaled = probs * (np.sqrt(times) / (weights @ probs))  # its Gram matrix is minus the Hessian
    hessian = scaled @ scaled.T
    # Equal tables make it singular.
    hessian[np.diag_indices_from(hessian)] += 1e-13 * np.trace(hessian)
    try:
        root = np.linalg.cholesky(hessian)
        target, _ = nnls(root.T, np.linalg.solve(root, 2.0 * scaled @ np.sqrt(times) - 1.0))
    except (np.linalg.LinAlgError, RuntimeError):
        return weights
    before = value(weights)
    for halving in range(_HALVINGS):
        better = weights + 0.5**halving * (target - weights)
        if value(better) > before - 1e-15:  # at the optimum, gains drown in rounding
            return np.asarray(better / better.sum())
    return weights
