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

_MOST_STEPS = 1000
_LEAST_GAIN = 1e-12  # nats per token; a step that gains less is the last


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
        "auto" finds those that make `held_out` most likely, by expectation maximisation (Jelinek
        and Mercer 1980; as SRILM's compute-best-mix).
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
    """Return the weights of maximum likelihood.

    Expectation maximisation: each pair is shared among the tables in proportion to weight times
    probability; the new weight of a table is its mean share.
    """
    pairs = held_out.to_scipy().tocoo()
    probs = np.exp([table.pair_log_probs(pairs.row, pairs.col) for table in tables])
    possible = probs.any(axis=0)
    probs, times = probs[:, possible], pairs.data[possible] / max(pairs.data[possible].sum(), 1)
    weights = np.full(len(tables), 1.0 / len(tables))
    before = -np.inf
    for _ in range(_MOST_STEPS if len(times) else 0):
        shares = weights[:, None] * probs
        total = shares.sum(axis=0)
        likelihood = float(times @ np.log(total))
        if likelihood - before < _LEAST_GAIN:
            break
        before = likelihood
        weights = shares @ (times / total)
        weights /= weights.sum()
    return weights
