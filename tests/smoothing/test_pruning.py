"""Pruned models: which pairs go, and what stays of the others."""

import math

import numpy as np
import pytest

import bigram
from bigram.smoothing.pruning import pairs_to_keep, without_pairs
from bigram.tables.backoff import BackoffTable

TEXTS = ["abba", "abc", "cab", "", "ccab", "bac", "cc", "caac", "aacca", "b"]
TOKENIZER = bigram.CharTokenizer.from_texts(TEXTS)


def fitted(smoothing, texts=TEXTS, layout="sparse"):
    counts = bigram.count(texts, TOKENIZER, layout=layout)
    return bigram.CountModel.from_counts(counts, smoothing)


def rows(table):
    return np.exp(table.log_probs(np.arange(table.vocab_size)))


def test_modified_kneser_ney_is_pruned_by_count_as_lmplz_does():
    model = fitted(bigram.ModifiedKneserNey(), TEXTS[:6] * 2 + TEXTS[6:])
    pruned = model.prune(min_count=2)
    wanted = bigram.ModifiedKneserNey(prune=1).backoff_table(model.counts)
    for name, array in wanted.arrays().items():
        np.testing.assert_array_equal(pruned.table.arrays()[name], array)
    np.testing.assert_allclose(rows(pruned.table).sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("smoothing", [bigram.WittenBell(), bigram.Katz(), bigram.AddK(0.5)])
@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_pairs_that_stay_keep_their_probabilities(smoothing, layout):
    model = fitted(smoothing, layout=layout)
    pruned = model.prune(min_count=2).table
    frequent = model.counts.to_dense() >= 2
    assert pruned.num_pairs == frequent.sum() < np.count_nonzero(model.counts.to_dense())
    np.testing.assert_allclose(rows(pruned)[frequent], rows(model.table)[frequent], rtol=1e-13)
    np.testing.assert_allclose(rows(pruned).sum(axis=1), 1.0, atol=1e-12)
    assert model.prune().table.num_pairs == np.count_nonzero(model.counts.to_dense())


def divergence(table, smaller, context_probs):
    """Relative entropy between two tables, from whole rows."""
    before, after = rows(table), rows(smaller)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = before * np.log(before / after)
    return context_probs @ np.where(before > 0, terms, 0.0).sum(axis=1)


def random_counts(seed, size=8):
    """Counts with full rows, rows that have seen all but one token, sparse rows and empty ones."""
    rng = np.random.default_rng(seed)
    matrix = np.minimum(rng.zipf(1.4, (size, size)), 500)
    matrix[4:] *= rng.random((size - 4, size)) < 0.4
    matrix[2, 3] = matrix[3, 5] = 0
    matrix[-1] = 0
    return bigram.BigramCounts(matrix)


METHODS = [
    bigram.MLE(),
    bigram.AddK(1.0),
    bigram.KneserNey(0.6),
    bigram.WittenBell(),
    bigram.Katz(),
    bigram.ModifiedKneserNey(),
]


@pytest.mark.parametrize("smoothing", METHODS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("threshold", [1e-9, 1e-4, 1e-2, 0.2])
def test_what_a_threshold_promises(smoothing, threshold):
    """n pairs cost less than n thresholds, and no pair is left that would cost less than one."""
    for seed in range(4):
        model = bigram.CountModel.from_counts(random_counts(seed), smoothing)
        table = smoothing.backoff_table(model.counts)
        context_probs = model.counts.context_counts() / model.counts.total
        small = model.prune(threshold=threshold).table
        num_pruned = table.num_pairs - small.num_pairs
        cost = divergence(table, small, context_probs)
        assert cost <= num_pruned * math.log1p(threshold) + 1e-14
        for pair in range(small.num_pairs):
            smaller = without_pairs(small, np.arange(small.num_pairs) != pair)
            more = divergence(table, smaller, context_probs) - cost
            assert more >= math.log1p(threshold) - 1e-14


@pytest.mark.parametrize("smoothing", METHODS, ids=lambda method: type(method).__name__)
def test_the_cheapest_pair_goes_at_its_own_cost(smoothing):
    counts = random_counts(5)
    table = smoothing.backoff_table(counts)
    pairs = np.arange(table.num_pairs)
    weights = np.full(8, 1 / 8)
    costs = np.array([divergence(table, without_pairs(table, pairs != e), weights) for e in pairs])
    row = np.repeat(np.arange(8), np.diff(table.indptr))
    for context in (4, 5, 6):  # that have unseen tokens: one pair that goes costs something
        of_row = np.flatnonzero(row == context)
        cheapest = of_row[costs[of_row].argmin()]
        for factor, stays in ((1 - 1e-6, True), (1 + 1e-6, False)):
            keep = pairs_to_keep(table, weights, math.expm1(costs[cheapest] * factor))
            assert keep[cheapest] == stays


@pytest.mark.parametrize("smoothing", METHODS, ids=lambda method: type(method).__name__)
def test_contexts_that_have_seen_every_successor_are_not_emptied(smoothing):
    """Each of their pairs alone can be left out for nothing; all of them cannot."""
    names = bigram.datasets.load_names()
    model = bigram.CountModel(smoothing).fit(names)
    before = model.evaluate(names).perplexity
    pruned = model.prune(threshold=1e-9)
    assert pruned.evaluate(names).perplexity == pytest.approx(before, rel=1e-7)
    assert 0.95 < pruned.table.num_pairs / model.counts.num_pairs < 1.0
    assert model.prune(threshold=0.0).table.num_pairs == model.counts.num_pairs


def test_a_small_row_is_judged_by_its_own_digits():
    """The last of the rows has pairs of 1e-18, far below the rounding of the sums before it."""
    size = 400
    base = np.full(size + 1, 1e-18)
    base[:size] = 1.0 / size
    indptr = np.concatenate([np.arange(size + 1) * size, [size * size + 2]])
    indices = np.append(np.tile(np.arange(size), size), [0, size])
    probs = np.append(np.tile(np.full(size, 1.0 / size), size), [1.0 - 1e-3, 1e-3])
    backoff = np.append(np.zeros(size), 1e-9)
    table = BackoffTable(indptr, indices, probs, backoff, base)
    keep = pairs_to_keep(table, np.full(size + 1, 1.0 / (size + 1)), 1e-12)
    assert keep[-2:].tolist() == [True, True]
    assert not keep[:-2].any()  # rows equal to the base


def test_a_model_without_any_pair_is_its_base():
    everything = fitted(bigram.KneserNey(0.6)).prune(threshold=1e300).table
    assert everything.num_pairs == 0
    np.testing.assert_allclose(rows(everything), np.tile(everything.base, (4, 1)))


@pytest.mark.parametrize("context_prob", [0.0, 1.0])
def test_a_pair_whose_token_the_base_cannot_give_is_never_pruned(context_prob):
    table = BackoffTable(
        np.array([0, 1, 1]), np.array([1]), np.ones(1), np.array([0.0, 1.0]), np.array([1.0, 0.0])
    )
    assert pairs_to_keep(table, np.array([context_prob, 0.0]), 1e300).tolist() == [True]


def test_thresholds_that_do_not_apply_are_named():
    model = fitted(bigram.WittenBell())
    with pytest.raises(ValueError, match="min_count = 2, wanted 1 for a model without counts"):
        model.prune().prune(min_count=2)
    with pytest.raises(ValueError, match="threshold = -1, wanted a finite number >= 0"):
        model.prune(threshold=-1)


def test_stupid_backoff_is_pruned_by_count_alone():
    """A pruned pair gets the score of a pair never seen; a threshold would need probabilities."""
    model = fitted(bigram.StupidBackoff(0.3))
    table = bigram.StupidBackoff(0.3).backoff_table(model.counts)
    small = model.prune(min_count=2).table
    frequent = model.counts.to_dense() >= 2
    wanted = np.where(frequent, rows(table), 0.3 * table.base)
    np.testing.assert_allclose(rows(small), wanted, rtol=1e-14)
    with pytest.raises(ValueError, match=r"threshold = 0.5 needs rows that sum to one"):
        model.prune(threshold=0.5)
