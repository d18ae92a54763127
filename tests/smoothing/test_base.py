"""What holds for every smoothing method: its formula, sums, bases, extreme counts, options."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigram.smoothing.additive import MLE, AddK, Dirichlet
from bigram.smoothing.description import from_json
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey
from bigram.smoothing.interpolated import JelinekMercer, StupidBackoff, WittenBell
from bigram.smoothing.katz import Katz

MATRIX = np.array([[0, 3, 1], [2, 0, 0], [0, 0, 0]])

METHODS = [
    AddK(0.3),
    AddK("auto"),
    JelinekMercer(0.2),
    JelinekMercer(),
    Dirichlet(3.0),
    Dirichlet(base="uniform"),
    WittenBell(base_uniform=0.1),
    AbsoluteDiscount(1.0),
    AbsoluteDiscount(base="continuation"),
    KneserNey(0.7),
    KneserNey(base_uniform=1.0),
    ModifiedKneserNey(),
    ModifiedKneserNey(compatible="lmplz"),
    Katz(),
    Katz(2, base="uniform"),
]


def test_probabilities_are_those_of_the_formulas(dense_counts, sparse_counts):
    """Worked out by hand for c = [[0, 3, 1], [2, 0, 0], [0, 0, 0]]."""
    unigram, continuation = np.array([2, 3, 1]) / 6, np.array([1, 1, 1]) / 3
    seen = MATRIX > 0
    n = seen.sum(axis=1, keepdims=True)
    total = np.array([[4], [2], [1]])  # the empty row's one stands for the division by zero
    last = np.array([[0], [0], [1]])  # all of an unseen context goes to the base
    rates = MATRIX / total
    taken = np.minimum(MATRIX, 0.5)
    wanted = {
        JelinekMercer(0.2, base_uniform=0): 0.8 * rates + (0.2 + 0.8 * last) * unigram,
        Dirichlet(3.0, base_uniform=0): (MATRIX + 3 * unigram) / (np.array([[4], [2], [0]]) + 3),
        WittenBell(base_uniform=0): (MATRIX + (n + last) * unigram)
        / (total * (1 - last) + n + last),
        AbsoluteDiscount(0.5, base_uniform=0): (MATRIX - taken) / total
        + (0.5 * n / total + last) * unigram,
        KneserNey(0.5, base_uniform=0): (MATRIX - taken) / total
        + (0.5 * n / total + last) * continuation,
        StupidBackoff(0.4, base_uniform=0): np.where(seen, rates, 0.4 * unigram),
    }
    for method, probs in wanted.items():
        for counts in (dense_counts(MATRIX), sparse_counts(MATRIX)):
            table = method.table(counts)
            np.testing.assert_allclose(np.exp(table.log_probs([0, 1, 2])), probs, rtol=1e-14)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 14),
    density=st.floats(0, 1),
    high=st.sampled_from([1, 3, 1000]),
)
def test_rows_sum_to_one_in_both_layouts(
    dense_counts, sparse_counts, random_matrix, method, seed, size, density, high
):
    matrix = random_matrix(seed, size, density, high)
    table = method.backoff_table(sparse_counts(matrix, last_new_id=size - 1))
    probs = np.exp(table.log_probs(np.arange(size)))
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, atol=1e-12)
    dense = method.table(dense_counts(matrix, last_new_id=size - 1))
    np.testing.assert_allclose(dense.probs, probs, rtol=1e-12)
    if method != ModifiedKneserNey(compatible="lmplz"):  # whose discounts may be zero
        assert probs.min() > 0.0
    if not isinstance(method, Katz):  # interpolated: no stored pair lies below its backoff
        lengths = np.diff(table.indptr)
        assert np.all(table.probs >= np.repeat(table.backoff, lengths) * table.base[table.indices])


def test_a_base_given_as_an_array_is_mixed_with_uniform(sparse_counts):
    base = [0.5, 0.25, 0.25]
    table = WittenBell(base=np.array(base), base_uniform=0.3).backoff_table(sparse_counts(MATRIX))
    np.testing.assert_allclose(table.base, 0.7 * np.array(base) + 0.1, rtol=1e-15)
    assert WittenBell(base=base) == WittenBell(base=np.array(base))
    with pytest.raises(ValueError, match="base has length 2, wanted the vocabulary size, 3"):
        WittenBell(base=[0.5, 0.5]).backoff_table(sparse_counts(MATRIX))


@pytest.mark.parametrize("method", [*METHODS, MLE(), StupidBackoff(0.3)], ids=repr)
@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.eye(4), np.full((1, 1), 7)])
def test_extreme_counts_give_probabilities(sparse_counts, method, matrix):
    """No pairs, pairs of one occurrence each, a vocabulary of one."""
    table = method.backoff_table(sparse_counts(matrix))
    assert np.all(table.log_probs(np.arange(len(matrix))) <= 1e-12)


@pytest.mark.parametrize("method", [*METHODS, MLE(), StupidBackoff(0.3)], ids=repr)
def test_a_method_equals_its_pickle(method):
    assert pickle.loads(pickle.dumps(method)) == method
    assert hash(pickle.loads(pickle.dumps(method))) == hash(method)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: AddK(-1), ValueError, "k = -1, wanted a finite number >= 0"),
        (lambda: AddK(math.nan), ValueError, "k = nan, wanted a finite number >= 0"),
        (lambda: AddK("1"), TypeError, "k .*number"),
        (lambda: JelinekMercer(1.5), ValueError, r"weight = 1.5, wanted a number in \[0, 1\]"),
        (lambda: Dirichlet(0), ValueError, "mu = 0, wanted a positive finite number"),
        (lambda: AbsoluteDiscount(0.0), ValueError, r"discount = 0.0, wanted a number in \(0, 1\]"),
        (lambda: KneserNey(1.1), ValueError, r"discount = 1.1, wanted a number in \(0, 1\]"),
        (lambda: KneserNey(True), TypeError, "discount .*number"),
        (lambda: ModifiedKneserNey(prune=-1), ValueError, "prune = -1, wanted an integer >= 0"),
        (lambda: ModifiedKneserNey(prune=0.5), TypeError, "prune is float, wanted an integer"),
        (lambda: ModifiedKneserNey(compatible="srilm"), ValueError, "compatible = 'srilm', wanted"),
        (lambda: StupidBackoff(0), ValueError, "a = 0, wanted a positive finite number"),
        (lambda: Katz(0), ValueError, r"k = 0 is outside \[1, 1000\]"),
        (lambda: Katz(2.0), TypeError, "k is float, wanted an integer"),
        (lambda: WittenBell(base="bigram"), ValueError, "base = 'bigram', wanted one of"),
        (lambda: WittenBell(base=[0.5, 0.6]), ValueError, "base sums to 1.1, wanted numbers"),
        (lambda: WittenBell(base=[1.5, -0.5]), ValueError, "base sums to 1.0, wanted numbers >= 0"),
        (lambda: WittenBell(base=[[1.0]]), TypeError, r"base has shape \(1, 1\) and dtype float64"),
        (lambda: WittenBell(base_uniform=2), ValueError, "base_uniform = 2, wanted a number in"),
        (lambda: from_json({"name": "AddOne"}), ValueError, "name = 'AddOne', wanted one of"),
        (lambda: from_json({"name": "AddK", "alpha": 1}), ValueError, "AddK: .*alpha"),
    ],
)
def test_bad_options_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
