"""Discounts: estimates by hand, lmplz's quirk, pruned pairs."""

import numpy as np
import pytest

from bigram.smoothing.additive import MLE
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey


def test_one_discount_is_estimated_from_pairs_counted_once_and_twice(sparse_counts):
    matrix = np.array([[1, 1, 2], [1, 5, 0], [0, 0, 0]])
    assert KneserNey().discounts(sparse_counts(matrix)).bigram == (0.6, 0.6, 0.6)
    none = AbsoluteDiscount().discounts(sparse_counts(matrix * 5))
    assert none.bigram == (0.5, 0.5, 0.5)
    assert none.bigram_fallback
    assert MLE().discounts(sparse_counts(matrix)) is None


def test_modified_discounts_are_those_of_chen_and_goodman(sparse_counts):
    """Their equations worked out by hand at counts of counts 4, 3, 2, 1."""
    matrix = np.zeros((6, 6), np.int64)
    matrix[0, :4], matrix[1, :3], matrix[2, :2], matrix[3, 0] = 1, 2, 3, 4
    got = ModifiedKneserNey().discounts(sparse_counts(matrix))
    y = 4 / (4 + 2 * 3)
    assert got.bigram == pytest.approx((1 - 2 * y * 3 / 4, 2 - 3 * y * 2 / 3, 3 - 4 * y / 2))
    assert got.bigram_fallback is False
    assert got.unigram == pytest.approx((1 / 3, 1, 5 / 3))  # one column each of 4, 3, 2, 1
    assert got.unigram_fallback is False
    table = ModifiedKneserNey().backoff_table(sparse_counts(matrix))
    d1 = got.bigram[0]
    assert table.backoff[0] == pytest.approx(d1)
    assert table.backoff[5] == 1.0
    assert table.probs[0] == pytest.approx((1 - d1) / 4 + d1 * table.base[0])


def test_a_discount_of_zero_is_taken_for_lmplz_only(sparse_counts):
    """D2 = 2 - 3 Y n3 / n2 is 0 at counts of counts 2, 2, 4: a row of twos would keep all mass."""
    matrix = np.zeros((6, 6), np.int64)
    matrix[0, :2], matrix[1, :2], matrix[2, :4] = 1, 2, 3
    counts = sparse_counts(matrix)
    assert ModifiedKneserNey(compatible="lmplz").discounts(counts).bigram[1] == 0.0
    assert ModifiedKneserNey().discounts(counts).bigram_fallback
    assert ModifiedKneserNey().backoff_table(counts).backoff.min() > 0.0


def test_the_last_new_word_enters_with_its_count_as_in_lmplz(sparse_counts, random_matrix):
    """The quirk changes the unigram discounts only, and only if it is asked for."""
    matrix = random_matrix(1, 60, 0.02, 9)
    last = int(np.argmax(matrix.sum(axis=0)))
    counts = sparse_counts(matrix, last_new_id=last)
    plain, quirk = (ModifiedKneserNey(compatible=c).discounts(counts) for c in (None, "lmplz"))
    continuations = (matrix > 0).sum(axis=0)
    continuations[last] = matrix[:, last].sum()
    n1, n2, n3, n4 = (np.count_nonzero(continuations == k) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    wanted = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    assert not quirk.unigram_fallback
    assert quirk.unigram == pytest.approx(wanted)
    assert quirk.unigram != plain.unigram
    assert quirk.bigram == plain.bigram
    unknown = sparse_counts(matrix, last_new_id=None)
    assert ModifiedKneserNey(compatible="lmplz").discounts(unknown) == plain


def test_pruned_pairs_give_all_their_mass_to_the_backoff(sparse_counts, random_matrix):
    matrix = random_matrix(5, 30, 0.3, 9)
    table = ModifiedKneserNey(prune=1).backoff_table(sparse_counts(matrix))
    full = ModifiedKneserNey().backoff_table(sparse_counts(matrix))
    assert table.num_pairs == np.count_nonzero(matrix > 1)
    np.testing.assert_array_equal(table.base, full.base)
    np.testing.assert_allclose(np.exp(table.log_probs(np.arange(30))).sum(axis=1), 1.0, atol=1e-12)
    everything = ModifiedKneserNey(prune=10**9).backoff_table(sparse_counts(matrix))
    np.testing.assert_array_equal(everything.backoff, 1.0)
