"""Pruned models: which pairs go, and what stays of the others."""

import math

import numpy as np
import pytest

import bigram
from bigram.smoothing.pruning import perplexity_changes, without_pairs
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


def test_perplexity_changes_are_relative_entropies():
    """Stolcke's D against the sum over the row that it stands for."""
    table = fitted(bigram.KneserNey(0.6)).table
    changes = perplexity_changes(table)
    before = rows(table)
    contexts = np.repeat(np.arange(4), np.diff(table.indptr))
    for e in range(table.num_pairs):
        after = rows(without_pairs(table, np.arange(table.num_pairs) != e))
        i = contexts[e]
        entropy = table.base[i] * (before[i] * np.log(before[i] / after[i])).sum()
        assert changes[e] == pytest.approx(math.expm1(entropy), rel=1e-9, abs=1e-15)


def test_a_threshold_leaves_out_the_pairs_that_change_perplexity_less():
    model = fitted(bigram.KneserNey(0.6))
    changes = perplexity_changes(model.table)
    threshold = float(np.median(changes))
    pruned = model.prune(threshold=threshold)
    assert pruned.table.num_pairs == (changes >= threshold).sum()
    np.testing.assert_allclose(rows(pruned.table).sum(axis=1), 1.0, atol=1e-12)
    assert model.prune(threshold=0.0).table.num_pairs == model.table.num_pairs


def test_a_model_without_any_pair_is_its_base():
    everything = fitted(bigram.KneserNey(0.6)).prune(threshold=1e300).table
    assert everything.num_pairs == 0
    np.testing.assert_allclose(rows(everything), np.tile(everything.base, (4, 1)))


def test_a_pair_whose_token_the_base_cannot_give_is_never_pruned():
    table = BackoffTable(
        np.array([0, 1, 1]), np.array([1]), np.ones(1), np.array([0.0, 1.0]), np.array([1.0, 0.0])
    )
    assert perplexity_changes(table).tolist() == [np.inf]


def test_thresholds_that_do_not_apply_are_named():
    model = fitted(bigram.WittenBell())
    with pytest.raises(ValueError, match="min_count = 2, wanted 1 for a model without counts"):
        model.prune().prune(min_count=2)
    with pytest.raises(ValueError, match="threshold = -1, wanted a finite number >= 0"):
        model.prune(threshold=-1)
