"""Sequences drawn from a model with backoff: `prepare_backoff_sampler` and the draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bigram import _core, kernels, reference


def random_model(seed, vocab_size, kind):
    """Return the arrays of a model, and its rows. "interpolated": no pair is below its base."""
    rng = np.random.default_rng(seed)
    seen = rng.random((vocab_size, vocab_size)) < rng.choice([0.05, 0.5, 0.95])
    base = rng.dirichlet(np.full(vocab_size, 0.3))
    base[rng.random(vocab_size) < 0.2] = 0.0
    base[rng.random(vocab_size) < 0.3] = 0.125  # ties
    backoff = rng.random(vocab_size)
    weights = rng.dirichlet(np.full(vocab_size, 0.3), vocab_size) * (rng.random() < 0.9)
    weights[rng.random((vocab_size, vocab_size)) < 0.2] = 0.125 * backoff[0]
    if kind == "interpolated":
        weights += backoff[:, None] * base
    indptr = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
    indices = np.nonzero(seen)[1].astype(rng.choice([np.int32, np.int64]))
    dense = np.where(seen, weights, backoff[:, None] * base)
    return (indptr, indices, weights[seen], backoff, base), dense


FILTERS = [{}, {"top_k": 3}, {"top_p": 0.6}, {"top_k": 12, "top_p": 0.9}, {"top_k": 1}]


@pytest.mark.parametrize("kind", ["interpolated", "other"])
@pytest.mark.parametrize("cut", FILTERS, ids=str)
@pytest.mark.parametrize(("vocab_size", "seeds"), [(2, 3), (27, 3), (300, 1)])
def test_draws_follow_the_row(chi_square, vocab_size, seeds, cut, kind):
    """The whole row, cut by the plain code of SamplingFilter; one set of seeds in 10,000 fails."""
    from bigram.tables.sampling_filter import SamplingFilter

    p_values = []
    for seed in range(seeds):
        model, dense = random_model(seed, vocab_size, kind)
        sampler = kernels.prepare_backoff_sampler(*model, **cut)
        with np.errstate(divide="ignore"):
            wanted = SamplingFilter(**cut).weights(np.log(dense)) if cut else dense
        for context in np.flatnonzero(dense.sum(axis=1))[:3]:
            tokens, offsets = kernels.sample_backoff_sequences(
                sampler, vocab_size, np.full(20_000, context), max_length=1, seed=seed
            )
            assert len(tokens) == offsets[-1] == 20_000
            p_values.append(chi_square(tokens, wanted[context]))
    assert min(p_values) > 1e-4 / len(p_values)


def drawn_or_refused(module, model, cut, starts, **options):
    """Return what a module draws, or None where it reaches a context without mass."""
    sampler = module.prepare_backoff_sampler(*model, **cut)
    try:
        return module.sample_backoff_sequences(sampler, len(model[4]), starts, **options)
    except ValueError:
        return None


# Not 0.6 and 0.9: a tie between the mass kept and the mass wanted is decided by rounding.
TWIN_FILTERS = [{}, {"top_k": 3}, {"top_p": 0.61}, {"top_k": 12, "top_p": 0.91}, {"top_k": 1}]


@given(
    seed=st.integers(0, 2**32),
    vocab_size=st.sampled_from([1, 2, 7, 30]),
    kind=st.sampled_from(["interpolated", "other"]),
    cut=st.sampled_from(TWIN_FILTERS),
    dtype=st.sampled_from([np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">u2", ">i8"]),
    view=st.sampled_from([lambda a: a, lambda a: a[::-1], lambda a: a[1::2], lambda a: a[:1]]),
    stops=st.booleans(),
    threads=st.sampled_from([1, 2, 3, 7]),
)
def test_tokens_equal_the_twin(seed, vocab_size, kind, cut, dtype, view, stops, threads):
    rng = np.random.default_rng(seed)
    model, _ = random_model(seed, vocab_size, kind)
    starts = view(rng.integers(0, vocab_size, rng.integers(0, 40)).astype(dtype))
    starts.flags.writeable = False
    options = {"max_length": 9, "stop": 0 if stops else None, "seed": seed}
    got = drawn_or_refused(kernels, model, cut, starts, num_threads=threads, **options)
    wanted = drawn_or_refused(reference, model, cut, starts, **options)
    assert (got is None) == (wanted is None)
    if got is not None:
        assert got[0].dtype == np.uint8
        np.testing.assert_array_equal(got[0], wanted[0])
        np.testing.assert_array_equal(got[1], wanted[1])


def test_many_rejections_draw_as_the_twin():
    """Nearly all of the base is stored with a small weight: the tokens left are enumerated."""
    base = np.full(200, 1e-9)
    base[:100] = 0.01
    model = (
        np.concatenate([[0], np.full(200, 100)]),
        np.arange(100),
        np.full(100, 1e-8),
        np.ones(200),
        base,
    )
    starts = np.zeros(100, np.int64)
    options = {"max_length": 1, "seed": 8}
    got = drawn_or_refused(kernels, model, {}, starts, **options)
    wanted = drawn_or_refused(reference, model, {}, starts, **options)
    np.testing.assert_array_equal(got[0], wanted[0])
    assert (got[0] >= 100).any()


@given(
    st.integers(0, 2**32),
    st.sampled_from(["interpolated", "other"]),
    st.sampled_from(FILTERS),
    st.sampled_from([1, 2, 3, 7]),
    st.booleans(),
)
def test_tokens_depend_on_seed_sequence_and_start_alone(seed, kind, cut, num_threads, stops):
    rng = np.random.default_rng(seed)
    vocab_size = int(rng.choice([1, 2, 30, 300]))
    model, dense = random_model(seed, vocab_size, kind)
    starts = (
        rng.choice(np.flatnonzero(dense.sum(axis=1)), rng.integers(1, 400))
        if (dense.sum(axis=1).all())
        else np.zeros(0, np.int64)
    )
    stop = 0 if stops else None
    sampler = kernels.prepare_backoff_sampler(*model, **cut, num_threads=num_threads)
    draw = lambda s, length, threads: kernels.sample_backoff_sequences(  # noqa: E731
        sampler, vocab_size, s, max_length=length, stop=stop, seed=seed, num_threads=threads
    )
    tokens, offsets = draw(starts, 37, num_threads)
    again, again_offsets = draw(starts, 37, 1)
    np.testing.assert_array_equal(tokens, again)
    np.testing.assert_array_equal(offsets, again_offsets)
    fewer, fewer_offsets = draw(starts[: len(starts) // 2], 37, num_threads)
    np.testing.assert_array_equal(fewer, tokens[: len(fewer)])
    np.testing.assert_array_equal(fewer_offsets, offsets[: len(fewer_offsets)])
    shorter, shorter_offsets = draw(starts, 5, 1)
    for s in range(len(starts)):
        drawn = tokens[offsets[s] : offsets[s + 1]]
        np.testing.assert_array_equal(
            shorter[shorter_offsets[s] : shorter_offsets[s + 1]], drawn[:5]
        )
        assert stop is None or not (drawn == stop).any()
        assert stop is not None or len(drawn) == 37
        assert np.all(dense[np.append(starts[s], drawn[:-1]), drawn] > 0)


def test_sequences_of_any_number_and_length_are_whole():
    """The kernel refills its lanes and empties its log many times; the lengths must still fit."""
    vocab_size = 5
    model = (np.zeros(6, np.int64), np.zeros(0, np.int32), np.zeros(0), np.ones(5), np.ones(5) / 5)
    sampler = kernels.prepare_backoff_sampler(*model)
    starts = np.zeros(3000, np.int64)
    tokens, offsets = kernels.sample_backoff_sequences(
        sampler, vocab_size, starts, max_length=5000, stop=4, seed=3
    )
    lengths = np.diff(offsets)
    assert lengths.mean() == pytest.approx(4.0, rel=0.1)  # geometric, of mean (1 - p) / p
    assert np.all(np.bincount(tokens, minlength=4)[:4] > 0.22 * len(tokens))
    for length, count in [(5000, 1), (2500, 130), (1024, 64), (1, 2)]:
        tokens, offsets = kernels.sample_backoff_sequences(
            sampler, vocab_size, starts[:count], max_length=length, seed=3
        )
        np.testing.assert_array_equal(np.diff(offsets), length)
        alone, _ = kernels.sample_backoff_sequences(
            sampler, vocab_size, starts[:1], max_length=length, seed=3
        )
        np.testing.assert_array_equal(tokens[:length], alone)


@pytest.mark.parametrize(
    ("weights", "cut", "golden"),
    [
        ([0.75, 0.5, 0.625], {}, "233310113333311020233113"),
        ([0.75, 0.5, 0.0625], {}, "202023113333311020133113"),
        ([0.75, 0.5, 0.0625], {"top_k": 3}, "231333333313133311020202"),
    ],
)
def test_tokens_of_a_seed_are_pinned(weights, cut, golden):
    """Pinned: the tokens of a model and a seed never change."""
    indptr, indices = np.array([0, 1, 1, 3, 3]), np.array([2, 0, 3])
    backoff, base = np.array([0.25, 1, 0.25, 1]), np.array([0.125, 0.25, 0.125, 0.5])
    sampler = kernels.prepare_backoff_sampler(
        indptr, indices, np.array(weights), backoff, base, **cut
    )
    tokens, _ = kernels.sample_backoff_sequences(
        sampler, 4, np.array([0, 1]), max_length=12, seed=42
    )
    assert "".join(map(str, tokens)) == golden


def test_many_rejections_end_in_an_enumeration():
    """Nearly all of the base is stored with weight zero, so only two tokens can be drawn."""
    base = np.full(1000, 1e-9)
    base[:10] = 0.1
    model = (
        np.concatenate([[0], np.full(1000, 998)]),
        np.arange(998),
        np.zeros(998),
        np.ones(1000),
        base,
    )
    sampler = kernels.prepare_backoff_sampler(*model)
    tokens, _ = kernels.sample_backoff_sequences(
        sampler, 1000, np.zeros(2000, np.int64), max_length=1, seed=0
    )
    assert set(tokens.tolist()) == {998, 999}
    assert stats.binomtest(int((tokens == 998).sum()), 2000).pvalue > 1e-4


def test_the_mass_of_rare_unseen_tokens_does_not_cancel():
    """Their mass would vanish in a difference of sums: the stored part of the base is 1."""
    model = (
        np.array([0, 1, 1, 1, 1]),
        np.array([0]),
        np.array([1e-30]),
        np.ones(4),
        np.array([1, 4e-20, 1e-20, 1e-20]),
    )
    for cut, wanted in (
        ({"top_p": 0.5}, {1}),
        ({"top_p": 0.75}, {1, 2}),
        ({"top_k": 3}, {1, 2, 3}),
    ):
        sampler = kernels.prepare_backoff_sampler(*model, **cut)
        tokens, _ = kernels.sample_backoff_sequences(
            sampler, 4, np.zeros(200, np.int64), max_length=1, seed=0
        )
        assert set(tokens.tolist()) == wanted


def test_a_context_without_mass_is_an_error_only_when_it_is_reached():
    model = (np.array([0, 1, 1]), np.array([1]), np.ones(1), np.zeros(2), np.ones(2) / 2)
    sampler = kernels.prepare_backoff_sampler(*model)
    draw = lambda n: kernels.sample_backoff_sequences(  # noqa: E731
        sampler, 2, np.zeros(3, np.int64), max_length=n, seed=0
    )
    assert draw(1)[0].tolist() == [1, 1, 1]
    assert draw(0)[0].tolist() == []
    with pytest.raises(ValueError, match="sequence 0 reached context 1, which has no distrib"):
        draw(2)
    stopped, _ = kernels.sample_backoff_sequences(
        sampler, 2, np.zeros(3, np.int64), max_length=9, stop=1, seed=0
    )
    assert stopped.size == 0


def test_rows_of_weights_of_the_twin_are_those_that_are_drawn_from():
    model, dense = random_model(1, 12, "other")
    np.testing.assert_array_equal(reference.backoff_weights(*model, np.arange(12)), dense)


GOOD = (np.array([0, 1, 1]), np.array([1]), np.ones(1), np.ones(2), np.ones(2))


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, np.array([0, 2, 1]), ValueError),
        (0, np.array([0, 1]), ValueError),
        (0, np.array([0, 1, 2]), ValueError),
        (0, np.array([0.0, 1, 1]), TypeError),
        (1, np.array([2]), ValueError),
        (1, np.array([-1]), ValueError),
        (1, np.array([1, 0]), ValueError),
        (1, np.array([1.0]), TypeError),
        (2, np.array([np.nan]), ValueError),
        (2, np.array([-1.0]), ValueError),
        (2, np.ones(2), ValueError),
        (3, np.array([1.0, np.inf]), ValueError),
        (4, np.ones(0), ValueError),
        (4, np.ones(2, np.float32), TypeError),
        (4, -np.ones(2), ValueError),
        (4, np.array(1.0), ValueError),
    ],
)
def test_bad_arrays_of_a_model_are_refused(place, value, error):
    arguments = [*GOOD[:place], value, *GOOD[place + 1 :]]
    with pytest.raises(error):
        kernels.prepare_backoff_sampler(*arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"starts": np.array([0, 2])}, ValueError, r"starts\[1\] = 2 is outside \[0, 2\)"),
        ({"starts": np.array([-1])}, ValueError, r"starts\[0\] = -1"),
        ({"starts": [0]}, TypeError, "starts is list, wanted"),
        ({"starts": np.array([0.0])}, TypeError, "starts has dtype float64"),
        ({"max_length": -1}, ValueError, "max_length = -1"),
        ({"max_length": 2**32}, ValueError, "max_length = 4294967296"),
        ({"max_length": 1.0}, TypeError, "max_length"),
        ({"stop": 2}, ValueError, "stop = 2"),
        ({"seed": -1}, ValueError, "seed = -1"),
        ({"seed": 0.5}, TypeError, "seed"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    sampler = kernels.prepare_backoff_sampler(*GOOD)
    arguments = {"starts": np.array([0]), "max_length": 3, **change}
    with pytest.raises(error, match=message):
        kernels.sample_backoff_sequences(sampler, 2, **arguments)


@pytest.mark.parametrize("row", [[0, 0, 0, 0], [3, 2, 1, 0], [0, 2, 2, 3]])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("cut", [{}, {"top_k": 2}, {"top_p": 0.5}])
def test_rows_that_do_not_ascend_are_refused(row, index, cut):
    """A pair that is given twice would be miscounted, and written past the end of the cells."""
    arrays = np.array([0, 4, 4, 4, 8]), np.array(2 * row, index), np.ones(8), np.ones(4), np.ones(4)
    with pytest.raises(ValueError, match="indices do not ascend in every row"):
        kernels.prepare_backoff_sampler(*arrays, **cut)


def test_anything_but_a_sampler_is_refused():
    with pytest.raises(TypeError, match="sampler is ndarray, wanted a BackoffSampler"):
        kernels.sample_backoff_sequences(np.ones((2, 2)), 2, np.array([0]), max_length=3)
    for top_k, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="top_k"):
            kernels.prepare_backoff_sampler(*GOOD, top_k=top_k)


def test_the_raw_extension_checks_what_protects_memory():
    sampler = _core.BackoffSampler(*GOOD, 5, 1.0, 1)
    starts = np.array([0], np.uint32)
    for bad in (
        (starts + 2, np.dtype(np.uint8), 1, -1, 0, 1),
        (starts, np.dtype(np.int8), 1, -1, 0, 1),
        (starts, np.dtype(np.uint8), -1, -1, 0, 1),
        (starts, np.dtype(np.uint8), 1, 2, 0, 1),
    ):
        with pytest.raises(ValueError):
            sampler.sample(*bad)
    with pytest.raises(ValueError):
        _core.BackoffSampler(*GOOD, 0, 1.0, 1)
    indices = GOOD[1].copy()
    sampler = _core.BackoffSampler(GOOD[0], indices, *GOOD[2:], 1, 1.0, 1)
    indices[:] = 10**9  # the caller's array may change; that must not matter to memory
    sampler.sample(starts, np.dtype(np.uint8), 50, -1, 0, 1)
