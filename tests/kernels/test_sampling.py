import signal

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

LEVELS = ["baseline", "avx2", "avx512"]
weights = st.one_of(
    st.floats(0, 1e3), st.just(0.0), st.floats(0, 1e-300), st.floats(0, 1e308), st.just(5e-324)
)
seeds = st.integers(0, 2**64 - 1)


@pytest.fixture(params=LEVELS)
def isa(request):
    before = _core.active_isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


def with_mass(array):
    """Give rows without mass some."""
    array[~array.any(axis=1), 0] = 1.0
    return array


# ---- the generator


@pytest.mark.parametrize(
    ("seed", "block", "sequence", "words"),
    [  # kat_vectors of Random123 (D. E. Shaw Research), philox4x32 10
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            0x299F31D0A4093822,
            0x85A308D3243F6A88,
            0x0370734413198A2E,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(seed, block, sequence, words):
    wanted = [int(word, 16) for word in words.split()]
    assert _core.philox(seed, block, sequence).tolist() == wanted
    assert reference.philox(seed, block, sequence) == wanted


def test_word_layout_is_pinned():
    uniform = np.ones((8, 8))
    tokens, _ = kernels.sample_sequences(uniform, np.arange(3), max_length=6, seed=2**40 + 7)
    assert tokens.tolist() == GOLDEN_TOKENS
    assert kernels.multinomial(uniform[:2], 5, seed=2**40 + 7).tolist() == GOLDEN_SAMPLES


GOLDEN_TOKENS = [1, 7, 0, 4, 2, 4, 3, 5, 0, 6, 5, 3, 7, 5, 0, 2, 3, 6]
GOLDEN_SAMPLES = [[7, 4, 4, 3, 7], [5, 6, 3, 3, 1]]


# ---- multinomial


@given(
    probs=hnp.arrays(
        st.sampled_from([np.float32, np.float64, ">f8"]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        elements=st.floats(0, 1, width=32),
    ).map(with_mass),
    num_samples=st.integers(0, 60),
    seed=seeds,
    threads=st.sampled_from([1, 2, 3, 7]),
)
def test_multinomial_equals_reference(probs, num_samples, seed, threads):
    got = kernels.multinomial(probs, num_samples, seed=seed, num_threads=threads)
    wanted = reference.multinomial(probs, num_samples, seed=seed)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, wanted)


@given(row=st.lists(weights, min_size=1, max_size=30), seed=seeds)
def test_any_finite_weights(row, seed):
    row = with_mass(np.array([row]))
    got = kernels.multinomial(row, 100, seed=seed)
    np.testing.assert_array_equal(got, reference.multinomial(row, 100, seed=seed))
    assert (row[0, got] > 0).all()


@pytest.mark.parametrize("cols", [129, 300, 5000])
@pytest.mark.parametrize("num_samples", [5, 70_000])
def test_multinomial_wide_rows(isa, cols, num_samples):
    probs = np.random.default_rng(cols).random((2, cols)) ** 8
    probs[:, ::3] = 0
    got = kernels.multinomial(probs, num_samples, seed=3, num_threads=2)
    np.testing.assert_array_equal(
        got[:, :20], reference.multinomial(probs, 20, seed=3)[:, :num_samples]
    )
    assert (np.take_along_axis(probs, got, 1) > 0).all()


def test_multinomial_prefix_and_threads(isa):
    probs = np.random.default_rng(0).random((50, 27))
    wanted = kernels.multinomial(probs, 300, seed=5, num_threads=1)
    for threads in (2, 3, 7):
        for n in (0, 1, 2, 27, 28, 299):
            got = kernels.multinomial(probs, n, seed=5, num_threads=threads)
            np.testing.assert_array_equal(got, wanted[:, :n])
    long = kernels.multinomial(probs[0], 200_001, seed=5, num_threads=3)
    np.testing.assert_array_equal(long[:300], wanted[0])


def test_one_row():
    row = np.array([0.0, 3.0, 1.0])
    got = kernels.multinomial(row, 9, seed=1)
    assert got.shape == (9,)
    np.testing.assert_array_equal(got, kernels.multinomial(row[None], 9, seed=1)[0])
    assert kernels.multinomial(np.empty((0, 3)), 4, seed=1).shape == (0, 4)
    assert kernels.multinomial(np.empty((0, 0)), 4, seed=1).shape == (0, 4)


# ---- sample_sequences


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
    seed=seeds,
    threads=st.sampled_from([1, 2, 3, 7]),
)
def test_sequences_equal_reference(probs, data, max_length, seed, threads):
    size = len(probs)
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">u4"]))
    starts = data.draw(hnp.arrays(dtype, st.integers(0, 40), elements=st.integers(0, size - 1)))
    stop = data.draw(st.one_of(st.none(), st.integers(0, size - 1)))
    options = {"max_length": max_length, "stop": stop, "seed": seed}
    tokens, offsets = kernels.sample_sequences(probs, starts, num_threads=threads, **options)
    wanted_tokens, wanted_offsets = reference.sample_sequences(probs, starts, **options)
    assert tokens.dtype == np.uint8
    assert offsets.dtype == np.int64
    np.testing.assert_array_equal(offsets, wanted_offsets)
    np.testing.assert_array_equal(tokens, wanted_tokens)


@pytest.mark.parametrize("size", [2, 27, 65, 256, 257, 1000])
@pytest.mark.parametrize("stop", [None, 1])
def test_sequences_at_every_level(isa, size, stop):
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


def test_wide_cells(big_table):
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
def test_prefixes_and_threads(isa, stop):
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


def test_long_chains_of_few_and_many():
    probs = np.random.default_rng(7).random((5, 5))
    starts = np.zeros(20, np.uint8)
    many, _ = kernels.sample_sequences(probs, starts, max_length=150_000, seed=1, num_threads=2)
    few, _ = kernels.sample_sequences(probs, starts[:2], max_length=150_000, seed=1)
    np.testing.assert_array_equal(many[:300_000], few)


@pytest.mark.parametrize("size", [2, 300])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32, np.int64])
@pytest.mark.parametrize("n", [3, 40])
def test_dtype_of_tokens(size, dtype, n):
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
def test_strided_and_read_only(view):
    probs = np.random.default_rng(0).random((10, 10))
    starts = view(np.arange(10) % 10)
    table = view(view(probs).T) if len(view(probs)) == 5 else view(probs)
    starts.flags.writeable = False
    table.flags.writeable = False
    starts = starts % len(table)
    got = kernels.sample_sequences(table, starts, max_length=5, seed=1)
    wanted = kernels.sample_sequences(table.copy(), starts.copy(), max_length=5, seed=1)
    np.testing.assert_array_equal(got[0], wanted[0])


def test_seed_none_draws_anew():
    probs = np.ones((50, 50))
    first, _ = kernels.sample_sequences(probs, np.zeros(50, int), max_length=50)
    second, _ = kernels.sample_sequences(probs, np.zeros(50, int), max_length=50)
    assert (first != second).any()
    assert (kernels.multinomial(probs, 9) != kernels.multinomial(probs, 9)).any()


def test_seed_of_numpy_is_taken():
    probs = np.ones((5, 5))
    wanted = kernels.multinomial(probs, 9, seed=7)
    for seed in (np.int64(7), np.uint8(7), np.uint64(7)):
        np.testing.assert_array_equal(kernels.multinomial(probs, 9, seed=seed), wanted)


# ---- probabilities


def chi_square(observed, probs):
    """Return the statistic in standard deviations of its normal approximation."""
    assert observed[probs == 0].sum() == 0
    expected = observed.sum() * probs
    rare = expected < 10  # lumped together
    expected = np.append(expected[~rare], expected[rare].sum())
    observed = np.append(observed[~rare], observed[rare].sum())
    seen = expected > 0
    statistic = ((observed[seen] - expected[seen]) ** 2 / expected[seen]).sum()
    degrees = seen.sum() - 1
    return (statistic - degrees) / np.sqrt(2 * max(degrees, 1))


def skewed(size):
    probs = np.random.default_rng(size).random((size, size)) ** 3
    probs[:, ::7] *= 1e-3
    probs[:, 1::11] = 0
    return probs / probs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("size", [2, 27, 65, 1000])
def test_chi_square_of_multinomial(size):
    probs = skewed(size)[:3] if size > 2 else np.array([[0.3, 0.7], [1e-4, 0.9999]])
    samples = kernels.multinomial(probs, 2_000_000, seed=11)
    for row, drawn in zip(probs, samples, strict=True):
        assert abs(chi_square(np.bincount(drawn, minlength=size), row)) < 4.5


@pytest.mark.parametrize("size", [2, 27, 65, 1000])
def test_chi_square_of_sequences(size):
    probs = skewed(size) if size > 2 else np.array([[0.3, 0.7], [1e-4, 0.9999]])
    for context in {0, 1, size - 1}:
        starts = np.full(1_000_000, context, np.uint16)
        tokens, _ = kernels.sample_sequences(probs, starts, max_length=1, seed=12)
        assert abs(chi_square(np.bincount(tokens, minlength=size), probs[context])) < 4.5


def test_chi_square_of_pairs_along_chains():
    probs = skewed(27)
    starts = np.zeros(4000, np.uint8)
    tokens, _ = kernels.sample_sequences(probs, starts, max_length=1000, seed=13)
    paths = np.insert(tokens.reshape(4000, 1000), 0, 0, axis=1).astype(np.int64)
    counts = kernels.count_bigrams(paths.ravel(), 27, offsets=np.arange(4001) * 1001)
    visited = counts.sum(axis=1) > 2_000
    scores = [chi_square(counts[row], probs[row]) for row in np.flatnonzero(visited)]
    assert len(scores) > 20
    assert np.abs(scores).max() < 4.5


@pytest.mark.parametrize("size", [27, 5000])
def test_alias_table_holds_the_probabilities_exactly(size):
    row = np.random.default_rng(size).random(size) ** 3
    unit_bits = 32 if size <= 4096 else 51
    mass = np.zeros(size)
    table = reference.sampling.alias_row(row, unit_bits)
    capacity = 2**unit_bits // len(table)
    for token, (threshold, alias) in enumerate(table):
        if threshold:
            mass[token] += threshold
        mass[alias] += capacity - threshold
    wanted = row / row.sum() * 2.0**unit_bits
    np.testing.assert_allclose(mass, wanted, atol=2, rtol=2.0**-40)
    assert mass.sum() == 2.0**unit_bits


@pytest.mark.parametrize("weight", [5e-324, 1e-308, 1e-30, 1.0, 1e30, 1.7e308])
def test_scale_of_weights_does_not_matter(weight):
    probs = np.array([[weight, weight, 0.0], [0.0, weight, weight], [weight, 0.0, weight]])
    ones = (probs > 0).astype(float)
    for function, argument in [
        (kernels.multinomial, {"num_samples": 500}),
        (kernels.sample_sequences, {"starts": np.arange(3), "max_length": 500}),
    ]:
        got = function(probs, seed=1, **argument)
        wanted = function(ones, seed=1, **argument)
        np.testing.assert_array_equal(got[0], wanted[0])


def test_zero_is_never_drawn_beside_tiny_and_huge():
    probs = np.array([[0.0, 1e-300, 0.0, 1.0, 0.0]] * 5)
    tokens, _ = kernels.sample_sequences(probs, np.zeros(1000, int), max_length=2000, seed=1)
    assert set(np.unique(tokens)) == {3}
    assert set(np.unique(kernels.multinomial(probs, 10_000, seed=1))) == {3}


# ---- interruption


@pytest.fixture
def alarm():
    """Raise TimeoutError in 50 ms."""
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("this system has no SIGALRM")

    def give_up(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


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


@pytest.mark.parametrize("rows", [1, 1000])
def test_a_signal_stops_multinomial(alarm, rows):
    with pytest.raises(TimeoutError):
        kernels.multinomial(np.ones((rows, 300)), 500_000_000 // rows, num_threads=2)


# ---- errors


SQUARE = np.ones((3, 3))
STARTS = np.zeros(4, np.uint8)


def changed(place, value):
    probs = np.ones((3, 3))
    probs[place] = value
    return probs


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [1, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bad_weights_are_named(bad, n, dtype):
    probs = np.ones((40, 40), dtype)
    probs[33, 21] = bad
    probs[39, 0] = bad
    message = rf"probs\[33, 21\] = {bad} must be finite and not negative"
    with pytest.raises(ValueError, match=message):
        kernels.sample_sequences(probs, np.zeros(n, int), max_length=9)
    with pytest.raises(ValueError, match=message):
        kernels.multinomial(probs, n, num_threads=2)
    with pytest.raises(ValueError, match=rf"probs\[21\] = {bad} must be finite"):
        kernels.multinomial(probs[33], 3)


@pytest.mark.parametrize("n", [1, 100_000])
def test_row_without_mass_in_multinomial(n):
    with pytest.raises(ValueError, match=r"probs\[1\] has no mass"):
        kernels.multinomial(np.array([[1.0, 1.0], [0.0, -0.0]]), n)
    with pytest.raises(ValueError, match="probs has no mass"):
        kernels.multinomial(np.zeros(3), n)


@pytest.mark.parametrize("n", [1, 100])
@pytest.mark.parametrize("size", [3, 5000])
def test_row_without_mass_is_an_error_when_reached(n, size):
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
        ([[1.0]], STARTS, {}, TypeError, "probs must be a NumPy array, not list"),
        (np.ones((2, 3)), STARTS, {}, ValueError, r"probs has shape \(2, 3\); wanted \(V, V\)"),
        (np.ones(3), STARTS, {}, ValueError, r"probs has shape \(3,\)"),
        (np.ones((0, 0)), STARTS, {}, ValueError, r"probs has shape \(0, 0\)"),
        (np.ones((2, 2), complex), STARTS, {}, TypeError, "probs has dtype complex128"),
        (np.ones((2, 2), bool), STARTS, {}, TypeError, "probs has dtype bool"),
        (SQUARE, [0], {}, TypeError, "starts must be a 1-D NumPy array"),
        (SQUARE, np.zeros(2), {}, TypeError, "starts has dtype float64"),
        (SQUARE, np.zeros((2, 2), int), {}, ValueError, r"starts has shape \(2, 2\)"),
        (SQUARE, np.array([0, 3]), {}, ValueError, r"starts\[1\] = 3 is outside \[0, 3\)"),
        (SQUARE, np.array([0, -1]), {}, ValueError, r"starts\[1\] = -1 is outside \[0, 3\)"),
        (SQUARE, STARTS, {"max_length": -1}, ValueError, "max_length = -1 is outside"),
        (SQUARE, STARTS, {"max_length": 1.0}, TypeError, "max_length must be an integer"),
        (SQUARE, STARTS, {"stop": 3}, ValueError, r"stop = 3 is outside \[0, 2\]"),
        (SQUARE, STARTS, {"stop": -1}, ValueError, "stop = -1 is outside"),
        (SQUARE, STARTS, {"stop": True}, TypeError, "stop must be an integer, not bool"),
        (SQUARE, STARTS, {"dtype": np.float32}, TypeError, "dtype = float32; wanted uint8"),
        (SQUARE, STARTS, {"dtype": ">u2"}, TypeError, "dtype = >u2; wanted uint8"),
        (SQUARE, STARTS, {"seed": -1}, ValueError, r"seed = -1 is outside \[0, 184467"),
        (SQUARE, STARTS, {"seed": 2**64}, ValueError, "seed = 18446744073709551616 is outside"),
        (SQUARE, STARTS, {"seed": 1.0}, TypeError, "seed must be an integer, not float"),
        (SQUARE, STARTS, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
        (SQUARE, STARTS, {"max_length": 2**62}, MemoryError, None),
        (np.ones((300, 300)), STARTS, {"dtype": np.uint8}, ValueError, "does not hold every token"),
    ],
)
def test_errors_of_sequences(probs, starts, options, error, message):
    with pytest.raises(error, match=message):
        kernels.sample_sequences(probs, starts, **{"max_length": 5, **options})


@pytest.mark.parametrize(
    ("probs", "num_samples", "options", "error", "message"),
    [
        ([0.5], 1, {}, TypeError, "probs must be a NumPy array, not list"),
        (np.ones((1, 1, 1)), 1, {}, ValueError, r"probs has shape \(1, 1, 1\); wanted one or two"),
        (np.array(1.0), 1, {}, ValueError, r"probs has shape \(\)"),
        (np.ones((2, 0)), 1, {}, ValueError, r"probs has shape \(2, 0\); wanted at least one col"),
        (np.ones(3), -1, {}, ValueError, "num_samples = -1 is outside"),
        (np.ones(3), 1.5, {}, TypeError, "num_samples must be an integer"),
        (np.ones(3), 1, {"seed": "a"}, TypeError, "seed must be an integer"),
        (np.ones(3), 1, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
    ],
)
def test_errors_of_multinomial(probs, num_samples, options, error, message):
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
def test_raw_multinomial_refuses(out, probs):
    with pytest.raises((TypeError, ValueError)):
        _core.multinomial(out, probs, 0, 1)


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
def test_raw_sequences_refuse(probs, starts, dtype, max_length, stop):
    with pytest.raises((TypeError, ValueError)):
        _core.sample_sequences(probs, starts, dtype, max_length, stop, 0, 1)
