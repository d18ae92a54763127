"""Draws from rows of weights: `multinomial`."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

weights = st.one_of(
    st.floats(0, 1e3), st.just(0.0), st.floats(0, 1e-300), st.floats(0, 1e308), st.just(5e-324)
)
seeds = st.integers(0, 2**64 - 1)


def with_mass(array):
    """Give rows without mass some."""
    array[~array.any(axis=1), 0] = 1.0
    return array


@given(
    probs=hnp.arrays(
        st.sampled_from([np.float32, np.float64, ">f8"]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        elements=st.floats(0, 1, width=32),
    ).map(with_mass),
    view=st.sampled_from([lambda a: a, lambda a: a[::-1], lambda a: a[::2], np.asfortranarray]),
    num_samples=st.integers(0, 60),
    seed=seeds,
    threads=st.sampled_from([1, 2, 3, 7]),
)
def test_draws_equal_the_twin(probs, view, num_samples, seed, threads):
    probs = view(probs)
    probs.flags.writeable = False
    got = kernels.multinomial(probs, num_samples, seed=seed, num_threads=threads)
    wanted = reference.multinomial(probs, num_samples, seed=seed)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, wanted)


@given(row=st.lists(weights, min_size=1, max_size=30), seed=seeds)
def test_any_finite_weights_draw_as_the_twin(row, seed):
    row = with_mass(np.array([row]))
    got = kernels.multinomial(row, 100, seed=seed)
    np.testing.assert_array_equal(got, reference.multinomial(row, 100, seed=seed))
    assert (row[0, got] > 0).all()


@pytest.mark.parametrize("cols", [129, 300, 5000])
@pytest.mark.parametrize("num_samples", [5, 70_000])
def test_wide_rows_draw_as_the_twin(isa, cols, num_samples):
    probs = np.random.default_rng(cols).random((2, cols)) ** 8
    probs[:, ::3] = 0
    got = kernels.multinomial(probs, num_samples, seed=3, num_threads=2)
    np.testing.assert_array_equal(
        got[:, :20], reference.multinomial(probs, 20, seed=3)[:, :num_samples]
    )
    assert (np.take_along_axis(probs, got, 1) > 0).all()


def test_fewer_draws_are_a_prefix_for_any_number_of_threads(isa):
    probs = np.random.default_rng(0).random((50, 27))
    wanted = kernels.multinomial(probs, 300, seed=5, num_threads=1)
    for threads in (2, 3, 7):
        for n in (0, 1, 2, 27, 28, 299):
            got = kernels.multinomial(probs, n, seed=5, num_threads=threads)
            np.testing.assert_array_equal(got, wanted[:, :n])
    long = kernels.multinomial(probs[0], 200_001, seed=5, num_threads=3)
    np.testing.assert_array_equal(long[:300], wanted[0])


def test_a_1d_array_is_one_row():
    row = np.array([0.0, 3.0, 1.0])
    got = kernels.multinomial(row, 9, seed=1)
    assert got.shape == (9,)
    np.testing.assert_array_equal(got, kernels.multinomial(row[None], 9, seed=1)[0])
    assert kernels.multinomial(np.empty((0, 3)), 4, seed=1).shape == (0, 4)
    assert kernels.multinomial(np.empty((0, 0)), 4, seed=1).shape == (0, 4)


def test_words_of_the_generator_are_laid_out_as_documented():
    """Pinned: the draws of a seed never change."""
    samples = kernels.multinomial(np.ones((2, 8)), 5, seed=2**40 + 7)
    assert samples.tolist() == [[7, 4, 4, 3, 7], [5, 6, 3, 3, 1]]


def test_without_a_seed_every_call_draws_anew():
    probs = np.ones((50, 50))
    assert (kernels.multinomial(probs, 9) != kernels.multinomial(probs, 9)).any()


@pytest.mark.parametrize("seed", [np.int64(7), np.uint8(7), np.uint64(7)])
def test_a_seed_may_be_an_integer_of_numpy(seed):
    probs = np.ones((5, 5))
    wanted = kernels.multinomial(probs, 9, seed=7)
    np.testing.assert_array_equal(kernels.multinomial(probs, 9, seed=seed), wanted)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[::2, 1::3],
        lambda a: a.T,
        np.asfortranarray,
    ],
)
def test_weights_of_any_stride_draw_the_same(view):
    probs = view(np.random.default_rng(0).random((20, 30)))
    probs.flags.writeable = False
    got = kernels.multinomial(probs, 50, seed=3)
    np.testing.assert_array_equal(got, kernels.multinomial(probs.copy(), 50, seed=3))
    np.testing.assert_array_equal(got, reference.multinomial(probs, 50, seed=3))


# ---- probabilities


@pytest.mark.parametrize("size", [2, 27, 65, 1000])
def test_draws_follow_the_weights(chi_square, size):
    probs = np.random.default_rng(size).random((3, size)) ** 3
    probs[:, ::7] *= 1e-3
    probs[:, 1::11] = 0
    samples = kernels.multinomial(probs, 2_000_000, seed=11)
    for row, drawn in zip(probs, samples, strict=True):
        assert chi_square(drawn, row) > 1e-4


@pytest.mark.parametrize("weight", [5e-324, 1e-308, 1e-30, 1.0, 1e30, 1.7e308])
def test_the_scale_of_the_weights_does_not_matter(weight):
    probs = np.array([[weight, weight, 0.0], [0.0, weight, weight], [weight, 0.0, weight]])
    got = kernels.multinomial(probs, 500, seed=1)
    wanted = kernels.multinomial((probs > 0).astype(float), 500, seed=1)
    np.testing.assert_array_equal(got, wanted)


def test_a_weight_of_zero_is_never_drawn_beside_tiny_and_huge_ones():
    probs = np.array([[0.0, 1e-300, 0.0, 1.0, 0.0]] * 5)
    assert set(np.unique(kernels.multinomial(probs, 10_000, seed=1))) == {3}


# ---- interruption


@pytest.mark.parametrize("rows", [1, 1000])
def test_a_signal_stops_a_long_call(alarm, rows):
    with pytest.raises(TimeoutError):
        kernels.multinomial(np.ones((rows, 300)), 500_000_000 // rows, num_threads=2)


# ---- errors


@pytest.mark.parametrize("n", [1, 100_000])
def test_a_row_without_mass_is_refused(n):
    with pytest.raises(ValueError, match=r"probs\[1\] has no mass"):
        kernels.multinomial(np.array([[1.0, 1.0], [0.0, -0.0]]), n)
    with pytest.raises(ValueError, match="probs has no mass"):
        kernels.multinomial(np.zeros(3), n)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [1, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bad_weight_is_named(bad, n, dtype):
    probs = np.ones((40, 40), dtype)
    probs[33, 21] = probs[39, 0] = bad
    with pytest.raises(ValueError, match=rf"probs\[33, 21\] = {bad}"):
        kernels.multinomial(probs, n, num_threads=2)
    with pytest.raises(ValueError, match=rf"probs\[21\] = {bad}"):
        kernels.multinomial(probs[33], 3)


@pytest.mark.parametrize(
    ("probs", "num_samples", "options", "error", "message"),
    [
        ([0.5], 1, {}, TypeError, "probs is list, wanted a NumPy array"),
        (np.ones((1, 1, 1)), 1, {}, ValueError, r"probs has shape \(1, 1, 1\), wanted one or two"),
        (np.array(1.0), 1, {}, ValueError, r"probs has shape \(\)"),
        (np.ones((2, 0)), 1, {}, ValueError, r"probs has shape \(2, 0\), wanted at least one col"),
        (np.ones(3), -1, {}, ValueError, "num_samples = -1 is outside"),
        (np.ones(3), 1.5, {}, TypeError, "num_samples is [a-z]+, wanted an integer"),
        (np.ones(3), 1, {"seed": "a"}, TypeError, "seed is [a-z]+, wanted an integer"),
        (np.ones(3), 1, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
    ],
)
def test_bad_arguments_are_named(probs, num_samples, options, error, message):
    with pytest.raises(error, match=message):
        kernels.multinomial(probs, num_samples, **options)


@pytest.mark.parametrize(
    ("out", "probs"),
    [
        (np.empty((2, 2), np.int64), np.ones((3, 3))),
        (np.empty((3, 2), np.int32), np.ones((3, 3))),
        (np.empty(3, np.int64), np.ones((3, 3))),
        (np.empty((3, 2), np.int64), np.ones((3, 0))),
        (np.empty((3, 2), np.int64), np.ones((3, 3), np.int64)),
        (np.empty((3, 2), np.int64), np.ones((3, 6))[:, ::2]),
        (np.empty((3, 2), np.int64), np.ones((3, 3), ">f8")),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(out, probs):
    with pytest.raises((TypeError, ValueError)):
        _core.multinomial(out, probs, 0, 1)
