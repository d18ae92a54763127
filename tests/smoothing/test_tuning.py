"""Parameters that are chosen: by leave-one-out estimation, and on held-out text."""

import dataclasses

import numpy as np
import pytest

from bigram.smoothing.additive import AddK, Dirichlet
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey
from bigram.smoothing.interpolated import JelinekMercer, WittenBell
from bigram.smoothing.tuning import maximum


@pytest.mark.parametrize("peak", [1e-3, 0.2, 7.0, 99.9])
@pytest.mark.parametrize("log_scale", [False, True])
def test_the_maximum_of_a_function_with_one_peak_is_found(peak, log_scale):
    found = maximum(lambda x: -((x - peak) ** 2), 1e-4, 100.0, tolerance=1e-8, log_scale=log_scale)
    assert found == pytest.approx(peak, abs=1e-5)


@pytest.mark.parametrize(("slope", "end"), [(1.0, 5.0), (-1.0, 2.0)])
def test_a_function_without_a_peak_is_largest_at_an_end(slope, end):
    assert maximum(lambda x: slope * x, 2.0, 5.0, tolerance=1e-6) == pytest.approx(end, abs=1e-5)


def test_no_other_parameter_has_a_larger_leave_one_out_likelihood(sparse_counts, random_matrix):
    """The likelihood, one occurrence after another, is written out here."""
    matrix = random_matrix(7, 25, 0.4, 50)
    counts = sparse_counts(matrix)
    i, j = np.nonzero(matrix)
    c, total, unigram = matrix[i, j], matrix.sum(axis=1)[i], (matrix.sum(axis=0) / matrix.sum())[j]
    useful = total > 1
    c, total, unigram = c[useful], total[useful] - 1, unigram[useful]
    n = matrix.sum()

    def jelinek_mercer(w):
        q = (1 - w) * unigram + w / 25
        return (c * np.log((1 - w) * (c - 1) / total + w * q)).sum()

    def dirichlet(mu, q=None):
        q = (n * unigram + mu / 25) / (n + mu) if q is None else q
        return (c * np.log((c - 1 + mu * q) / (total + mu))).sum()

    weight, mu = JelinekMercer().tuned(counts).weight, Dirichlet().tuned(counts).mu
    k = AddK("auto").tuned(counts).k
    for factor in (0.99, 1.01):
        assert jelinek_mercer(weight) > jelinek_mercer(factor * weight)
        assert dirichlet(mu) > dirichlet(factor * mu)
        assert dirichlet(25 * k, 1 / 25) > dirichlet(factor * 25 * k, 1 / 25)


def test_the_highest_of_several_peaks_is_found():
    """Brent's method alone stops at the wide low peak."""
    heights = {1e-3: 1.0, 0.5: 3.0, 300.0: 2.0}

    def peaks(x):
        return sum(h * np.exp(-((np.log(x / at) / 0.3) ** 2)) for at, h in heights.items())

    found = maximum(peaks, 1e-6, 1e6, tolerance=1e-8, log_scale=True)
    assert found == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("method", [AddK(), Dirichlet(), Dirichlet(base_uniform=0.0)], ids=repr)
@pytest.mark.parametrize("times", [(15, 10), (20, 10), (24, 10), (28, 10), (40, 10)])
def test_the_best_parameter_for_held_out_pairs_of_two_kinds(sparse_counts, method, times):
    """Pairs seen once want no pseudo-counts, unseen ones of frequent contexts want millions."""
    size = 100
    matrix = np.zeros((size, size), np.int64)
    matrix[np.arange(50), np.arange(50)] = 1
    matrix[50:60, 60:] = 50_000
    held = np.zeros((size, size), np.int64)
    held[np.arange(50), np.arange(50)] = times[0]
    held[50:60, 0] = 5 * times[1]
    counts, held_out = sparse_counts(matrix), sparse_counts(held)

    def likelihood(smoothing):
        logs = smoothing.backoff_table(counts).log_probs(np.arange(size))
        return (held[held > 0] * logs[held > 0]).sum() / held.sum()

    option = "k" if isinstance(method, AddK) else "mu"
    low, high = (1e-6, 1e9) if option == "mu" else (1e-6 / size, 1e9 / size)
    values = np.geomspace(low, high, 300)
    best = max(likelihood(dataclasses.replace(method, **{option: float(x)})) for x in values)
    assert likelihood(method.tuned(counts, held_out)) >= best - 1e-9


def test_values_under_which_something_is_impossible_are_not_chosen():
    def likelihood(x):
        return -((x - 0.5) ** 2) if 0.4 < x < 0.9 else -np.inf

    assert maximum(likelihood, 0.0, 1.0, tolerance=1e-8) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("method", "option", "middle"),
    [
        (AddK("auto"), "k", 10**1.5 / 3),
        (JelinekMercer(), "weight", 0.5),
        (Dirichlet(), "mu", 10**1.5),
    ],
)
def test_without_a_pair_to_predict_the_middle_of_the_range_is_taken(
    sparse_counts, method, option, middle
):
    for matrix in (np.zeros((3, 3)), np.eye(3)):
        tuned = method.tuned(sparse_counts(matrix))
        assert getattr(tuned, option) == pytest.approx(middle)


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
def test_no_other_parameter_predicts_held_out_text_better(
    sparse_counts, random_matrix, method, option
):
    counts, held_out = (sparse_counts(random_matrix(s, 20, 0.4, 20)) for s in (1, 2))

    def likelihood(smoothing):
        probs = smoothing.backoff_table(counts).log_probs(np.arange(20))
        held = held_out.matrix.toarray()
        return float((held[held > 0] * probs[held > 0]).sum())

    best = method.tuned(counts, held_out)
    value = getattr(best, option)
    assert likelihood(best) >= likelihood(method)
    for factor in (0.97, 1.03):
        if 1e-6 < factor * value < (1e9 if option in ("k", "mu") else 1.0):
            assert likelihood(best) >= likelihood(type(method)(factor * value))


@pytest.mark.parametrize("method", [AddK(), WittenBell()])
def test_held_out_counts_that_do_not_fit_are_refused(sparse_counts, random_matrix, method):
    counts = sparse_counts(random_matrix(1, 20, 0.4, 20))
    with pytest.raises(ValueError, match="held_out has 3 symbols, wanted 20"):
        method.tuned(counts, sparse_counts(np.eye(3)))
    with pytest.raises(ValueError, match="held_out has no pairs"):
        method.tuned(counts, sparse_counts(np.zeros((20, 20))))


def test_a_method_without_a_parameter_stays_as_it_is(sparse_counts, random_matrix):
    counts, held_out = (sparse_counts(random_matrix(s, 20, 0.4, 20)) for s in (1, 2))
    assert WittenBell().tuned(counts, held_out) == WittenBell()
    assert WittenBell().tuned(counts) == WittenBell()
