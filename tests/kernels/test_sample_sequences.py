"""Whole sequences of a bigram model: `sample_sequences`."""

import gc
import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference
from bigram.reference.sample_sequences import alias_row

SQUARE = np.ones((3, 3))
STARTS = np.zeros(4, np.uint8)


def with_mass(array):
    """Give rows without mass some."""
    array[~array.any(axis=1), 0] = 1.0
    return array


@given(
    probs=st.integers(1, 40)
    .flatmap(
        lambda v: hnp.arrays(
            st.sampled_from([np.float32, np.float64, ">f8"]),
            (v, v),
            elements=st.floats(0, 1, width=32),
        )
    )
    .map(with_mass),
    data=st.data(),
    max_length=st.integers(0, 12),
    seed=st.integers(0, 2**64 - 1),
    threads=st.sampled_from([1, 2, 3, 7]),
)
def test_tokens_equal_the_twin(probs, data, max_length, seed, threads):
    size = len(probs)
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">u4"]))
    starts = data.draw(hnp.arrays(dtype, st.integers(0, 40), elements=st.integers(0, size - 1)))
    stop = data.draw(st.one_of(st.none(), st.integers(0, size - 1)))
    starts = data.draw(st.sampled_from([lambda a: a, lambda a: a[::-1], lambda a: a[1::2]]))(starts)
    probs = data.draw(st.sampled_from([np.array, np.asfortranarray]))(probs)
    probs.flags.writeable = starts.flags.writeable = False
    options = {"max_length": max_length, "stop": stop, "seed": seed}
    tokens, offsets = kernels.sample_sequences(probs, starts, num_threads=threads, **options)
    wanted_tokens, wanted_offsets = reference.sample_sequences(probs, starts, **options)
    assert tokens.dtype == np.uint8
    assert offsets.dtype == np.int64
    np.testing.assert_array_equal(offsets, wanted_offsets)
    np.testing.assert_array_equal(tokens, wanted_tokens)


@pytest.mark.parametrize("size", [2, 27, 65, 256, 257, 1000])
@pytest.mark.parametrize("stop", [None, 1])
def test_every_instruction_set_draws_as_the_twin(isa, size, stop):
    probs = np.random.default_rng(size).random((size, size)) ** 4
    starts = np.arange(100) % size
    options = {"max_length": 21, "stop": stop, "seed": 2**63}
    tokens, offsets = kernels.sample_sequences(probs, starts, num_threads=2, **options)
    few_tokens, few_offsets = kernels.sample_sequences(probs, starts[:3], **options)
    np.testing.assert_array_equal(offsets[:4], few_offsets)
    np.testing.assert_array_equal(tokens[: offsets[3]], few_tokens)
    wanted_tokens, wanted_offsets = reference.sample_sequences(probs, starts[:3], **options)
    np.testing.assert_array_equal(few_tokens, wanted_tokens)
    np.testing.assert_array_equal(few_offsets, wanted_offsets)


@pytest.fixture(scope="module")
def big_table():
    """Return rows of 5,000 tokens, few of them with mass: cells of 64 bits."""
    rng = np.random.default_rng(1)
    probs = np.zeros((5000, 5000), np.float32)
    np.put_along_axis(probs, rng.integers(0, 5000, (5000, 30)), rng.random((5000, 30)), 1)
    return probs


def test_large_vocabularies_draw_as_the_twin(big_table):
    starts = np.arange(2000) * 2
    options = {"max_length": 9, "stop": 17, "seed": 4}
    tokens, offsets = kernels.sample_sequences(big_table, starts, num_threads=2, **options)
    few_tokens, few_offsets = kernels.sample_sequences(big_table, starts[:5], **options)
    wanted_tokens, wanted_offsets = reference.sample_sequences(big_table, starts[:5], **options)
    assert tokens.dtype == np.uint16
    np.testing.assert_array_equal(few_tokens, wanted_tokens)
    np.testing.assert_array_equal(few_offsets, wanted_offsets)
    np.testing.assert_array_equal(tokens[: offsets[5]], wanted_tokens)


@pytest.mark.parametrize("stop", [None, 0])
def test_fewer_and_shorter_sequences_are_prefixes_for_any_number_of_threads(isa, stop):
    probs = np.random.default_rng(7).random((27, 27))
    probs[3] = 0
    probs[:, 3] = 0
    starts = np.random.default_rng(8).permutation(np.arange(3000) % 27)
    starts[starts == 3] = 0

    def sample(n, length, threads):
        return kernels.sample_sequences(
            probs, starts[:n], max_length=length, stop=stop, seed=6, num_threads=threads
        )

    tokens, offsets = sample(3000, 200, 1)
    for n, length, threads in [(3000, 200, 2), (2999, 200, 3), (64, 200, 7), (15, 200, 2)]:
        some, places = sample(n, length, threads)
        np.testing.assert_array_equal(places, offsets[: n + 1])
        np.testing.assert_array_equal(some, tokens[: offsets[n]])
    for length in (0, 1, 3, 4, 5, 64, 65, 130):
        some, places = sample(3000, length, 2)
        lengths = np.minimum(np.diff(offsets), length)
        np.testing.assert_array_equal(np.diff(places), lengths)
        within = np.arange(places[-1]) - np.repeat(places[:-1], lengths)
        np.testing.assert_array_equal(some, tokens[np.repeat(offsets[:-1], lengths) + within])


def test_long_sequences_are_the_same_among_few_and_many():
    probs = np.random.default_rng(7).random((5, 5))
    starts = np.zeros(20, np.uint8)
    many, _ = kernels.sample_sequences(probs, starts, max_length=150_000, seed=1, num_threads=2)
    few, _ = kernels.sample_sequences(probs, starts[:2], max_length=150_000, seed=1)
    np.testing.assert_array_equal(many[:300_000], few)


@pytest.mark.parametrize("size", [2, 300])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32, np.int64])
@pytest.mark.parametrize("n", [3, 40])
def test_the_dtype_does_not_change_the_tokens(size, dtype, n):
    probs = np.ones((size, size), np.float32)
    starts = np.zeros(n, np.uint8)
    for stop in (None, 0):
        options = {"max_length": 70, "stop": stop, "seed": 1}
        wanted, _ = kernels.sample_sequences(probs, starts, **options)
        got, _ = kernels.sample_sequences(probs, starts, dtype=dtype, **options)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "view", [lambda a: a[::-1], lambda a: a[::2], lambda a: np.broadcast_to(a[:1], a.shape)]
)
def test_strided_and_read_only_arrays_draw_the_same(view):
    probs = np.random.default_rng(0).random((10, 10))
    starts = view(np.arange(10) % 10)
    table = view(view(probs).T) if len(view(probs)) == 5 else view(probs)
    starts.flags.writeable = False
    table.flags.writeable = False
    starts = starts % len(table)
    got = kernels.sample_sequences(table, starts, max_length=5, seed=1)
    wanted = kernels.sample_sequences(table.copy(), starts.copy(), max_length=5, seed=1)
    np.testing.assert_array_equal(got[0], wanted[0])


def test_words_of_the_generator_are_laid_out_as_documented():
    """Pinned: the tokens of a seed never change."""
    uniform = np.ones((8, 8))
    tokens, _ = kernels.sample_sequences(uniform, np.arange(3), max_length=6, seed=2**40 + 7)
    assert tokens.tolist() == [1, 7, 0, 4, 2, 4, 3, 5, 0, 6, 5, 3, 7, 5, 0, 2, 3, 6]


def test_without_a_seed_every_call_draws_anew():
    probs, starts = np.ones((50, 50)), np.zeros(50, int)
    first, _ = kernels.sample_sequences(probs, starts, max_length=50)
    second, _ = kernels.sample_sequences(probs, starts, max_length=50)
    assert (first != second).any()


# ---- probabilities


def skewed(size):
    """Return probabilities (size, size), some tiny, some zero."""
    if size == 2:
        return np.array([[0.3, 0.7], [1e-4, 0.9999]])
    probs = np.random.default_rng(size).random((size, size)) ** 3
    probs[:, ::7] *= 1e-3
    probs[:, 1::11] = 0
    return probs / probs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("size", [2, 27, 65, 1000])
def test_first_tokens_follow_the_row_of_the_start(chi_square, size):
    probs = skewed(size)
    for context in {0, 1, size - 1}:
        starts = np.full(1_000_000, context, np.uint16)
        tokens, _ = kernels.sample_sequences(probs, starts, max_length=1, seed=12)
        assert chi_square(tokens, probs[context]) > 1e-4


def test_pairs_along_sequences_follow_the_rows(chi_square):
    probs = skewed(27)
    starts = np.zeros(4000, np.uint8)
    tokens, _ = kernels.sample_sequences(probs, starts, max_length=1000, seed=13)
    paths = np.insert(tokens.reshape(4000, 1000), 0, 0, axis=1).astype(np.int64)
    contexts, nexts = paths[:, :-1].ravel(), paths[:, 1:].ravel()
    visited = np.flatnonzero(np.bincount(contexts, minlength=27) > 2_000)
    assert len(visited) > 20
    p_values = [chi_square(nexts[contexts == row], probs[row]) for row in visited]
    assert min(p_values) > 1e-4 / len(visited)


@pytest.mark.parametrize("size", [27, 5000])
def test_an_alias_table_of_the_twin_has_the_probabilities_exactly(size):
    row = np.random.default_rng(size).random(size) ** 3
    unit_bits = 32 if size <= 4096 else 51
    mass = np.zeros(size)
    table = alias_row(row, unit_bits)
    capacity = 2**unit_bits // len(table)
    for token, (threshold, alias) in enumerate(table):
        if threshold:
            mass[token] += threshold
        mass[alias] += capacity - threshold
    wanted = row / row.sum() * 2.0**unit_bits
    np.testing.assert_allclose(mass, wanted, atol=2, rtol=2.0**-40)
    assert mass.sum() == 2.0**unit_bits


@pytest.mark.parametrize("weight", [5e-324, 1e-308, 1e-30, 1.0, 1e30, 1.7e308])
def test_the_scale_of_the_weights_does_not_matter(weight):
    probs = np.array([[weight, weight, 0.0], [0.0, weight, weight], [weight, 0.0, weight]])
    options = {"max_length": 500, "seed": 1}
    got, _ = kernels.sample_sequences(probs, np.arange(3), **options)
    wanted, _ = kernels.sample_sequences((probs > 0).astype(float), np.arange(3), **options)
    np.testing.assert_array_equal(got, wanted)


def test_a_token_of_probability_zero_is_never_drawn_beside_tiny_and_huge_ones():
    probs = np.array([[0.0, 1e-300, 0.0, 1.0, 0.0]] * 5)
    tokens, _ = kernels.sample_sequences(probs, np.zeros(1000, int), max_length=2000, seed=1)
    assert set(np.unique(tokens)) == {3}


# ---- interruption


@pytest.mark.parametrize("n", [1, 200])
@pytest.mark.parametrize("stop", [None, 1])
def test_a_signal_stops_a_long_call(alarm, n, stop):
    with pytest.raises(TimeoutError):
        kernels.sample_sequences(
            np.array([[1.0, 0.0], [0.0, 1.0]]),
            np.zeros(n, int),
            max_length=2 * 10**9 // n,
            stop=stop,
            num_threads=2,
        )


# ---- errors


ENDLESS = """
import resource
import numpy as np
import bigram
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (512 << 20),) * 2)
probs = np.array([[0.0, 1.0], [0.0, 1.0]])
starts = np.ones(5000, np.int64)
try:
    bigram.kernels.sample_sequences(probs, starts, max_length=2**40, stop=0, num_threads=2)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="reserves all memory")
def test_a_thread_that_runs_out_of_memory_raises_a_memory_error():
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == "MemoryError\n"


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [1, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bad_weight_is_named(bad, n, dtype):
    probs = np.ones((40, 40), dtype)
    probs[33, 21] = probs[39, 0] = bad
    with pytest.raises(ValueError, match=rf"probs\[33, 21\] = {bad}"):
        kernels.sample_sequences(probs, np.zeros(n, int), max_length=9)


@pytest.mark.parametrize("n", [1, 100])
@pytest.mark.parametrize("size", [3, 5000])
def test_a_row_without_mass_is_an_error_only_when_it_is_reached(n, size):
    probs = np.zeros((size, size), np.float32)
    probs[0, 1] = probs[1, 2] = 1
    starts = np.zeros(n, np.int64)
    with pytest.raises(ValueError, match=r"sequence 0 reached token 2, but probs\[2\] has no mass"):
        kernels.sample_sequences(probs, starts, max_length=3)
    tokens, _ = kernels.sample_sequences(probs, starts, max_length=2)
    assert tokens[:2].tolist() == [1, 2]
    tokens, offsets = kernels.sample_sequences(probs, starts, max_length=9, stop=2)
    assert tokens.tolist() == [1] * n
    assert offsets.tolist() == list(range(n + 1))
    tokens, _ = kernels.sample_sequences(probs, starts + 2, max_length=0)
    assert tokens.size == 0
    with pytest.raises(ValueError, match="sequence 0 reached token 2"):
        kernels.sample_sequences(probs, starts + 2, max_length=1, stop=2)


@pytest.mark.parametrize(
    ("probs", "starts", "options", "error", "message"),
    [
        ([[1.0]], STARTS, {}, TypeError, "probs is list, wanted a NumPy array"),
        (np.ones((2, 3)), STARTS, {}, ValueError, r"probs has shape \(2, 3\), wanted \(V, V\)"),
        (np.ones(3), STARTS, {}, ValueError, r"probs has shape \(3,\)"),
        (np.ones((0, 0)), STARTS, {}, ValueError, r"probs has shape \(0, 0\)"),
        (np.ones((2, 2), complex), STARTS, {}, TypeError, "probs has dtype complex128"),
        (np.ones((2, 2), bool), STARTS, {}, TypeError, "probs has dtype bool"),
        (SQUARE, [0], {}, TypeError, "starts is [a-z]+, wanted a 1-D NumPy array"),
        (SQUARE, np.zeros(2), {}, TypeError, "starts has dtype float64"),
        (SQUARE, np.zeros((2, 2), int), {}, ValueError, r"starts has shape \(2, 2\)"),
        (SQUARE, np.array([0, 3]), {}, ValueError, r"starts\[1\] = 3 is outside \[0, 3\)"),
        (SQUARE, np.array([0, -1]), {}, ValueError, r"starts\[1\] = -1 is outside \[0, 3\)"),
        (SQUARE, STARTS, {"max_length": -1}, ValueError, "max_length = -1 is outside"),
        (SQUARE, STARTS, {"max_length": 1.0}, TypeError, "max_length is [a-z]+, wanted an integer"),
        (SQUARE, STARTS, {"stop": 3}, ValueError, r"stop = 3 is outside \[0, 2\]"),
        (SQUARE, STARTS, {"stop": -1}, ValueError, "stop = -1 is outside"),
        (SQUARE, STARTS, {"stop": True}, TypeError, "stop is bool, wanted an integer"),
        (SQUARE, STARTS, {"dtype": np.float32}, TypeError, "dtype = float32, wanted uint8"),
        (SQUARE, STARTS, {"dtype": ">u2"}, TypeError, "dtype = >u2, wanted uint8"),
        (SQUARE, STARTS, {"seed": -1}, ValueError, r"seed = -1 is outside \[0, 184467"),
        (SQUARE, STARTS, {"seed": 2**64}, ValueError, "seed = 18446744073709551616 is outside"),
        (SQUARE, STARTS, {"seed": 1.0}, TypeError, "seed is float, wanted an integer"),
        (SQUARE, STARTS, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
        (SQUARE, STARTS, {"max_length": 2**62}, MemoryError, None),
        (np.ones((300, 300)), STARTS, {"dtype": np.uint8}, ValueError, "does not hold every token"),
    ],
)
def test_bad_arguments_are_named(probs, starts, options, error, message):
    with pytest.raises(error, match=message):
        kernels.sample_sequences(probs, starts, **{"max_length": 5, **options})


U8 = np.dtype(np.uint8)


@pytest.mark.parametrize(
    ("probs", "starts", "dtype", "max_length", "stop"),
    [
        (np.ones((2, 3)), STARTS, U8, 5, -1),
        (np.ones((0, 0)), STARTS, U8, 5, -1),
        (np.ones((3, 3), ">f8"), STARTS, U8, 5, -1),
        (np.ones((6, 3))[::2], STARTS, U8, 5, -1),
        (SQUARE, STARTS.astype(float), U8, 5, -1),
        (SQUARE, STARTS.reshape(2, 2), U8, 5, -1),
        (SQUARE, STARTS, np.dtype(np.float64), 5, -1),
        (SQUARE, STARTS, np.dtype(">u2"), 5, -1),
        (SQUARE, STARTS, np.dtype("S3"), 5, -1),
        (SQUARE, STARTS, U8, -5, -1),
        (SQUARE, STARTS, U8, 5, -2),
        (SQUARE, STARTS, U8, 5, 3),
        (np.ones((300, 300)), STARTS, U8, 5, -1),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(probs, starts, dtype, max_length, stop):
    with pytest.raises((TypeError, ValueError)):
        _core.sample_sequences(probs, starts, dtype, max_length, stop, 0, 1)


# ---- a table that is prepared once


def assert_same_draws(probs, calls):
    """Of a table and of what was prepared from it, whichever rows the calls before have built."""
    rng, sampler = np.random.default_rng(0), kernels.prepare_sampler(probs)
    assert sampler.vocab_size == len(probs)
    for num_sequences, max_length, stop, threads in calls:
        starts = rng.integers(0, len(probs), num_sequences)
        options = {"max_length": max_length, "stop": stop, "seed": max_length}
        got = kernels.sample_sequences(sampler, starts, num_threads=threads, **options)
        wanted = kernels.sample_sequences(probs, starts, **options)
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(one, other)


@given(
    size=st.sampled_from([1, 2, 27, 300]),
    dtype=st.sampled_from([np.float32, np.float64]),
    calls=st.lists(
        st.tuples(
            st.sampled_from([0, 1, 3, 20, 200]),
            st.integers(0, 30),
            st.sampled_from([None, 0]),
            st.sampled_from([1, 2, 3, 7]),
        ),
        max_size=5,
    ),
)
def test_a_prepared_table_draws_the_same(size, dtype, calls):
    assert_same_draws(np.random.default_rng(size).random((size, size), dtype), calls)


def test_a_prepared_table_of_wide_cells_draws_the_same():
    probs = np.zeros((4097, 4097), np.float32)
    probs[:, ::41] = np.arange(1, 101)
    assert_same_draws(probs, [(3, 9, None, 1), (200, 30, 41, 2), (3, 30, None, 1)])


@pytest.mark.parametrize("num_sequences", [5, 500])
def test_threads_share_a_prepared_table(num_sequences):
    probs = np.random.default_rng(0).random((500, 500))
    starts = np.arange(num_sequences) % 500
    wanted, _ = kernels.sample_sequences(probs, starts, max_length=200, seed=4)
    sampler = kernels.prepare_sampler(probs)
    with ThreadPoolExecutor(8) as pool:
        drawn = pool.map(
            lambda _: kernels.sample_sequences(sampler, starts, max_length=200, seed=4), range(40)
        )
        for tokens, _ in drawn:
            np.testing.assert_array_equal(tokens, wanted)


def test_a_prepared_table_releases_its_weights_when_all_rows_are_built():
    probs = np.ones((20, 20))
    alive = weakref.ref(probs)
    sampler = kernels.prepare_sampler(probs)
    kernels.sample_sequences(sampler, np.arange(3), max_length=2)
    del probs
    gc.collect()
    assert alive() is not None
    kernels.sample_sequences(sampler, np.arange(20), max_length=20)
    gc.collect()
    assert alive() is None
    assert sampler.check(1) == -1
    tokens, _ = kernels.sample_sequences(sampler, np.arange(3), max_length=100)
    assert tokens.max() < 20


@pytest.mark.parametrize("num_sequences", [2, 50])
def test_a_weight_that_became_bad_after_the_table_was_prepared_is_named(num_sequences):
    probs = np.ones((9, 9))
    sampler = kernels.prepare_sampler(probs)
    probs[:, 3] = np.nan
    with pytest.raises(ValueError, match=r"probs\[\d, 3\] was changed after the sampler was prep"):
        kernels.sample_sequences(sampler, np.zeros(num_sequences, int), max_length=20)


@pytest.mark.parametrize(
    ("probs", "error", "message"),
    [
        ([[1.0]], TypeError, "probs is list, wanted a NumPy array"),
        (np.ones((2, 3)), ValueError, r"probs has shape \(2, 3\), wanted \(V, V\)"),
        (np.ones((0, 0)), ValueError, r"probs has shape \(0, 0\)"),
        (np.ones((2, 2), complex), TypeError, "probs has dtype complex128"),
        (np.array([[1, 1], [1, -1.0]]), ValueError, r"probs\[1, 1\] = -1.0, wanted a finite"),
    ],
)
def test_a_bad_table_is_refused_when_it_is_prepared(probs, error, message):
    with pytest.raises(error, match=message):
        kernels.prepare_sampler(probs)


def test_a_prepared_table_refuses_what_the_table_refuses():
    sampler = kernels.prepare_sampler(np.array([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match=r"starts\[1\] = 2 is outside \[0, 2\)"):
        kernels.sample_sequences(sampler, np.array([0, 2]), max_length=1)
    with pytest.raises(ValueError, match=r"reached token 1, but probs\[1\] has no mass"):
        kernels.sample_sequences(sampler, np.array([0]), max_length=2)
    with pytest.raises((TypeError, ValueError)):
        sampler.sample(STARTS, U8, 5, 2, 0, 1)
    with pytest.raises((TypeError, ValueError)):
        _core.DenseSampler(np.ones((2, 3)))
