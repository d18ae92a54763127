"""Smoothing methods: their formulas, their properties, and what they refuse."""

import math
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from bigram import kernels
from bigram.smoothing.additive import MLE, AddK, Dirichlet
from bigram.smoothing.description import from_json
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey
from bigram.smoothing.interpolated import JelinekMercer, StupidBackoff, WittenBell
from bigram.smoothing.katz import Katz
from bigram.tables.backoff import BackoffTable
from bigram.tables.dense import DenseTable

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


def counts_of(matrix, last_new_id=None):
    """Counts as smoothing sees them, of a tokenizer that may know its last new word."""
    return SimpleNamespace(matrix=matrix, tokenizer=SimpleNamespace(last_new_id=last_new_id))


def dense_counts(matrix=MATRIX, last_new_id=None):
    return counts_of(np.asarray(matrix, np.int64), last_new_id)


def sparse_counts(matrix=MATRIX, last_new_id=None):
    matrix = scipy.sparse.csr_array(np.asarray(matrix, np.int64))
    return counts_of(matrix, last_new_id)


def random_matrix(seed, size, density, high):
    rng = np.random.default_rng(seed)
    zipf = np.minimum(rng.zipf(1.5, (size, size)), high)
    return np.where(rng.random((size, size)) < density, zipf, 0)


@pytest.mark.parametrize(("method", "alpha"), [(MLE(), 0.0), (AddK(), 1.0), (AddK(0.25), 0.25)])
def test_additive_is_normalize_rows_to_the_bit(method, alpha):
    table = method.table(dense_counts())
    assert isinstance(table, DenseTable)
    np.testing.assert_array_equal(table.probs, kernels.normalize_rows(MATRIX, alpha=alpha))
    sparse = method.table(sparse_counts())
    assert isinstance(sparse, BackoffTable)
    np.testing.assert_allclose(sparse.to_dense().probs, table.probs, rtol=1e-15)


def test_formulas_by_hand():
    """The rows of design's table at c = [[0, 3, 1], [2, 0, 0], [0, 0, 0]]."""
    unigram, continuation = np.array([2, 3, 1]) / 6, np.array([1, 1, 1]) / 3
    seen = MATRIX > 0
    n = seen.sum(axis=1, keepdims=True)
    total = np.array([[4], [2], [1]])  # the empty row's one stands for the division by zero
    last = np.array([[0], [0], [1]])  # all of an unseen context goes to the base
    rates = MATRIX / total
    taken = np.minimum(MATRIX, 0.5)
    wanted = {
        JelinekMercer(0.2): 0.8 * rates + (0.2 + 0.8 * last) * unigram,
        Dirichlet(3.0): (MATRIX + 3 * unigram) / (np.array([[4], [2], [0]]) + 3),
        WittenBell(): (MATRIX + (n + last) * unigram) / (total * (1 - last) + n + last),
        AbsoluteDiscount(0.5): (MATRIX - taken) / total + (0.5 * n / total + last) * unigram,
        KneserNey(0.5): (MATRIX - taken) / total + (0.5 * n / total + last) * continuation,
        StupidBackoff(0.4): np.where(seen, rates, 0.4 * unigram),
    }
    for method, probs in wanted.items():
        for counts in (dense_counts(), sparse_counts()):
            table = method.table(counts)
            np.testing.assert_allclose(np.exp(table.log_probs([0, 1, 2])), probs, rtol=1e-14)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 14), st.floats(0, 1), st.sampled_from([1, 3, 1000]))
def test_rows_sum_to_one(method, seed, size, density, high):
    matrix = random_matrix(seed, size, density, high)
    table = method.backoff_table(sparse_counts(matrix, last_new_id=size - 1))
    probs = np.exp(table.log_probs(np.arange(size)))
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, atol=1e-12)
    dense = method.table(dense_counts(matrix, last_new_id=size - 1))
    np.testing.assert_allclose(dense.probs, probs, rtol=1e-12)
    if not isinstance(method, Katz):  # interpolated: no stored pair lies below its backoff
        lengths = np.diff(table.indptr)
        assert np.all(table.probs >= np.repeat(table.backoff, lengths) * table.base[table.indices])


def test_mle_and_stupid_backoff_say_that_they_do_not_sum_to_one():
    assert np.all(MLE().backoff_table(sparse_counts()).log_probs([2]) == -np.inf)
    sums = np.exp(StupidBackoff().backoff_table(sparse_counts()).log_probs([0])).sum()
    assert sums == pytest.approx(1 + 0.4 * 2 / 6)


def test_a_base_that_is_given():
    base = [0.5, 0.25, 0.25]
    table = WittenBell(base=np.array(base), base_uniform=0.3).backoff_table(sparse_counts())
    np.testing.assert_allclose(table.base, 0.7 * np.array(base) + 0.1, rtol=1e-15)
    assert WittenBell(base=base) == WittenBell(base=np.array(base))
    with pytest.raises(ValueError, match="base has length 2; wanted the vocabulary size, 3"):
        WittenBell(base=[0.5, 0.5]).backoff_table(sparse_counts())


def test_modified_kneser_ney_by_hand():
    """Chen and Goodman's equations at counts of counts 4, 3, 2, 1."""
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


def test_the_last_new_word_enters_with_its_count():
    """lmplz's quirk: it changes the discounts only, and only where it is asked for."""
    matrix = random_matrix(3, 40, 0.2, 9)
    counts = sparse_counts(matrix, last_new_id=int(np.argmax(matrix.sum(axis=0))))
    plain, quirk = (ModifiedKneserNey(compatible=c).discounts(counts) for c in (None, "lmplz"))
    assert plain.bigram == quirk.bigram
    last = counts.tokenizer.last_new_id
    continuations = (matrix > 0).sum(axis=0)
    continuations[last] = matrix[:, last].sum()
    n1, n2, n3, n4 = (np.count_nonzero(continuations == k) for k in (1, 2, 3, 4))
    if min(n1, n2, n3):
        y = n1 / (n1 + 2 * n2)
        expected = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if all(0 <= d <= k for k, d in enumerate(expected, 1)):
            assert quirk.unigram == pytest.approx(expected)
    counts.tokenizer.last_new_id = None
    assert ModifiedKneserNey(compatible="lmplz").discounts(counts) == plain


def test_pruned_pairs_give_all_to_the_backoff():
    matrix = random_matrix(5, 30, 0.3, 9)
    table = ModifiedKneserNey(prune=1).backoff_table(sparse_counts(matrix))
    full = ModifiedKneserNey().backoff_table(sparse_counts(matrix))
    assert table.num_pairs == np.count_nonzero(matrix > 1)
    np.testing.assert_array_equal(table.base, full.base)
    np.testing.assert_allclose(np.exp(table.log_probs(np.arange(30))).sum(axis=1), 1.0, atol=1e-12)
    everything = ModifiedKneserNey(prune=10**9).backoff_table(sparse_counts(matrix))
    np.testing.assert_array_equal(everything.backoff, 1.0)


def test_katz_by_hand():
    """k = 1: A = 2 n2 / n1, so d(1) = 0 is refused and half a count is taken instead."""
    got = Katz(1).discounts(sparse_counts(MATRIX))
    assert got.bigram_fallback
    assert got.bigram == (0.5, 0.0, 0.0)
    n = {1: 60, 2: 20, 3: 12, 4: 6}
    matrix = np.zeros((10, 10), np.int64)
    matrix.ravel()[: sum(n.values())] = np.repeat(list(n), list(n.values()))
    got = Katz(3).discounts(sparse_counts(matrix))
    a = 4 * 6 / 60
    ratios = [((r + 1) * n[r + 1] / (r * n[r]) - a) / (1 - a) for r in (1, 2, 3)]
    assert not got.bigram_fallback
    assert got.bigram == pytest.approx([r * (1 - d) for r, d in enumerate(ratios, 1)])
    table = Katz(3).backoff_table(sparse_counts(matrix))
    free = 10 * (1 - ratios[0]) / 10
    assert table.backoff[0] == 0.0 or free > 0


def test_estimated_discount():
    matrix = np.array([[1, 1, 2], [1, 5, 0], [0, 0, 0]])
    assert KneserNey().discounts(sparse_counts(matrix)).bigram == (0.6, 0.6, 0.6)
    none = AbsoluteDiscount().discounts(sparse_counts(matrix * 5))
    assert none.bigram == (0.5, 0.5, 0.5)
    assert none.bigram_fallback
    assert MLE().discounts(sparse_counts(matrix)) is None


def test_leave_one_out_finds_the_best():
    """The derivative of the leave-one-out likelihood is written out and is near zero there."""
    matrix = random_matrix(7, 25, 0.4, 50)
    counts = sparse_counts(matrix)
    i, j = np.nonzero(matrix)
    c, total, q = matrix[i, j], matrix.sum(axis=1)[i], (matrix.sum(axis=0) / matrix.sum())[j]
    good = total > 1
    c, total, q = c[good], total[good] - 1, q[good]

    def jelinek_mercer(w):
        return (c * np.log((1 - w) * (c - 1) / total + w * q)).sum()

    def dirichlet(mu):
        return (c * np.log((c - 1 + mu * q) / (total + mu))).sum()

    weight, mu = JelinekMercer().tuned(counts).weight, Dirichlet().tuned(counts).mu
    k = AddK("auto").tuned(counts).k
    q_learned, q[:] = q.copy(), 1 / 25
    assert all(dirichlet(25 * k) >= dirichlet(25 * k * other) for other in (0.98, 1.02))
    q[:] = q_learned
    assert all(jelinek_mercer(weight) >= jelinek_mercer(weight * x) for x in (0.99, 1.01))
    assert all(dirichlet(mu) >= dirichlet(mu * other) for other in (0.99, 1.01))


@pytest.mark.parametrize(
    ("method", "option"),
    [
        (AddK(), "k"),
        (JelinekMercer(0.5), "weight"),
        (Dirichlet(1.0), "mu"),
        (AbsoluteDiscount(0.9), "discount"),
        (KneserNey(0.1), "discount"),
    ],
)
def test_tuned_on_held_out_text(method, option):
    counts, held_out = (sparse_counts(random_matrix(s, 20, 0.4, 20)) for s in (1, 2))

    def likelihood(smoothing):
        probs = smoothing.backoff_table(counts).log_probs(np.arange(20))
        held = held_out.matrix.toarray()
        return float((held[held > 0] * probs[held > 0]).sum())

    best = method.tuned(counts, held_out)
    value = getattr(best, option)
    assert likelihood(best) >= likelihood(method)
    for other in (0.97, 1.03):
        if option in ("k", "mu") or 1e-6 < value * other < 1.0:
            assert likelihood(best) >= likelihood(type(method)(value * other))
    assert WittenBell().tuned(counts, held_out) == WittenBell()
    with pytest.raises(ValueError, match="held_out has 3 symbols; wanted 20"):
        method.tuned(counts, sparse_counts())
    with pytest.raises(ValueError, match="held_out holds no pairs"):
        method.tuned(counts, sparse_counts(np.zeros((20, 20))))


@pytest.mark.parametrize("method", [*METHODS, MLE(), StupidBackoff(0.3)], ids=repr)
@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.eye(4), np.full((1, 1), 7)])
def test_nothing_aborts_and_all_travels(method, matrix):
    table = method.backoff_table(sparse_counts(matrix))
    assert np.all(table.log_probs(np.arange(len(matrix))) <= 1e-12)
    assert from_json(method.to_json()) == method
    assert pickle.loads(pickle.dumps(method)) == method
    assert hash(method) == hash(from_json(method.to_json()))


def test_stored_zeros_are_no_pairs():
    matrix = scipy.sparse.csr_array(np.array([[1, 2], [0, 3]]))
    matrix.data[0] = 0
    table = MLE().backoff_table(counts_of(matrix))
    assert table.num_pairs == 2
    assert matrix.nnz == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: AddK(-1), ValueError, "k = -1, wanted a finite number >= 0"),
        (lambda: AddK(math.nan), ValueError, "k = nan"),
        (lambda: AddK("1"), TypeError, "k must be a number, not str"),
        (lambda: JelinekMercer(1.5), ValueError, r"weight = 1.5, wanted a number in \[0, 1\]"),
        (lambda: Dirichlet(0), ValueError, "mu = 0, wanted a positive finite number"),
        (lambda: AbsoluteDiscount(0.0), ValueError, r"discount = 0.0, wanted a number in \(0, 1\]"),
        (lambda: KneserNey(1.1), ValueError, r"discount = 1.1, wanted a number in \(0, 1\]"),
        (lambda: KneserNey(True), TypeError, "discount must be a number, not bool"),
        (lambda: ModifiedKneserNey(prune=-1), ValueError, "prune = -1"),
        (lambda: ModifiedKneserNey(prune=0.5), TypeError, "prune must be an integer"),
        (lambda: ModifiedKneserNey(compatible="srilm"), ValueError, "compatible = 'srilm'"),
        (lambda: StupidBackoff(0), ValueError, "a = 0, wanted a positive finite number"),
        (lambda: Katz(0), ValueError, r"k = 0 is outside \[1, 1000\]"),
        (lambda: Katz(2.0), TypeError, "k must be an integer"),
        (lambda: WittenBell(base="bigram"), ValueError, "base = 'bigram' is unknown"),
        (lambda: WittenBell(base=[0.5, 0.6]), ValueError, "it sums to 1.1"),
        (lambda: WittenBell(base=[1.5, -0.5]), ValueError, "base must be probabilities"),
        (lambda: WittenBell(base=[[1.0]]), TypeError, "base must be one of"),
        (lambda: WittenBell(base_uniform=2), ValueError, "base_uniform = 2, wanted a number in"),
        (lambda: from_json({"name": "AddOne"}), ValueError, "name = 'AddOne'"),
        (lambda: from_json({"name": "AddK", "alpha": 1}), ValueError, "AddK: .*alpha"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
