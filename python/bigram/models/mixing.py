"""Mixing models: weights given, or found on held-out text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
_ENOUGH = 1e-12  # a step that gains less, in nats a token, is the last


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
        "auto": those under which `held_out` is likeliest, by expectation maximisation (Jelinek
        and Mercer 1980; as SRILM's compute-best-mix).
    held_out : Corpus, iterable of str or BigramCounts, optional
        Text that no model was fitted on; text is encoded by the first model's tokenizer. Pairs
        that no model gives a probability say nothing.

    Returns
    -------
    MixtureTable
        ``CountModel.from_table(mixture, tokenizer)`` makes a model of it.

    Raises
    ------
    ValueError
        For models of different vocabularies, weights that are no distribution, "auto" without
        held-out text, or held-out text beside weights.

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
        raise ValueError("models is empty; wanted at least one")
    tokenizers = [m.tokenizer for m in models if isinstance(m, BigramModel)]
    known = [t for t in tokenizers if t is not None]
    for other in known[1:]:
        if other.vocab != known[0].vocab:
            raise ValueError("the models have different vocabularies; wanted one tokenizer")
    even = MixtureTable(tables, np.full(len(tables), 1.0 / len(tables)))
    if not isinstance(weights, str):
        if held_out is not None:
            raise ValueError("held_out is for weights='auto'; wanted it or the weights, not both")
        return MixtureTable(tables, weights)
    if weights != "auto":
        raise ValueError(f"weights = {weights!r}; wanted 'auto' or a number for each model")
    if held_out is None:
        raise ValueError("weights='auto' needs held_out text; or give the weights")
    counts = _held_out_counts(held_out, known[0] if known else None)
    if counts.vocab_size != even.vocab_size:
        raise ValueError(
            f"held_out has {counts.vocab_size} symbols, the models have {even.vocab_size}"
        )
    return MixtureTable(tables, _best_weights(tables, counts))


def _held_out_counts(
    held_out: Corpus | Iterable[str] | BigramCounts, tokenizer: Tokenizer | None
) -> BigramCounts:
    if isinstance(held_out, BigramCounts):
        return held_out
    if tokenizer is None and not isinstance(held_out, Corpus):
        raise ValueError("held_out is text, but no model has a tokenizer: give BigramCounts")
    return count(held_out, tokenizer)


def _table(model: Any) -> DenseTable | BackoffTable:
    table = model.table if isinstance(model, BigramModel) else model
    if not isinstance(table, (DenseTable, BackoffTable)):
        raise TypeError(
            f"models must be models or tables, not {type(table).__name__}; a mixture's parts can "
            "be mixed again"
        )
    return table


def _best_weights(
    tables: list[DenseTable | BackoffTable], held_out: BigramCounts
) -> NDArray[np.float64]:
    """Return the weights of the largest likelihood: each a table's share of the pairs."""
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
        if likelihood - before < _ENOUGH:
            break
        before = likelihood
        weights = shares @ (times / total)
        weights /= weights.sum()
    return weights
