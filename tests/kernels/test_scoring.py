"""Log-likelihoods under a dense table: `score_sequences`."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

DTYPES = [np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">u2", ">i8"]


@st.composite
def cases(draw):
    """Draw a table, tokens of any dtype and stride, and offsets or None; some are long."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    vocab_size = draw(st.sampled_from([1, 2, 27, 65, 256]))
    size = draw(st.sampled_from([0, 1, 2, 100, 5000, 200_000]))
    log_probs = rng.standard_normal((vocab_size, vocab_size)) - 3
    log_probs[rng.random(log_probs.shape) < 1e-5] = -np.inf
    log_probs = log_probs.astype(draw(st.sampled_from([np.float32, np.float64, ">f8"])))
    view = draw(st.sampled_from([lambda a: a, lambda a: a[::-1], lambda a: a[1::3]]))
    tokens = view(rng.integers(0, vocab_size, size).astype(draw(st.sampled_from(DTYPES))))
    tokens.flags.writeable = log_probs.flags.writeable = False
    offsets = None
    if draw(st.booleans()):
        count = draw(st.sampled_from([1, 2, 10, 3000, 100_000]))
        offsets = np.sort(rng.integers(0, tokens.size + 1, count))
    return log_probs, tokens, offsets


@given(cases(), st.sampled_from([1, 2, 3, 7]))
def test_scores_equal_the_twin(case, num_threads):
    log_probs, tokens, offsets = case
    wanted = reference.score_sequences(log_probs, tokens, offsets=offsets)
    got = kernels.score_sequences(log_probs, tokens, offsets=offsets, num_threads=num_threads)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, wanted, rtol=1e-10)
    again = kernels.score_sequences(log_probs, tokens, offsets=offsets, num_threads=1)
    np.testing.assert_array_equal(got, again)


def test_a_short_sequence_is_summed_from_left_to_right():
    log_probs = np.log(np.random.default_rng(0).random((5, 5)))
    tokens = np.array([0, 3, 4, 1, 1, 2, 0, 0, 3])
    total = 0.0
    for pair in itertools.pairwise(tokens):
        total += log_probs[pair]
    assert kernels.score_sequences(log_probs, tokens).tolist() == [total]


def test_the_likelihood_of_andrejz_is_that_of_the_lecture(reference_folder):
    # The lecture's figures (makemore): -inf, and -28.2463 with add-one smoothing.
    counts = np.loadtxt(reference_folder / "makemore_counts.csv", delimiter=",", dtype=np.int64)
    tokens = np.array([0, *(ord(c) - 96 for c in "andrejz"), 0])
    with np.errstate(divide="ignore"):
        exact = np.log(kernels.normalize_rows(counts))
    smoothed = np.log(kernels.normalize_rows(counts, alpha=1.0))
    assert kernels.score_sequences(exact, tokens).tolist() == [-np.inf]
    assert kernels.score_sequences(smoothed, tokens)[0] == pytest.approx(-28.2463, abs=5e-5)


@given(st.integers(0, 149_999), st.integers(0, 149_999), st.sampled_from([1, 3]))
def test_the_first_bad_token_is_named(one, other, num_threads):
    tokens = np.zeros(150_000, np.int32)
    tokens[one], tokens[other] = 7, 7
    offsets = np.array([0, 0, 10, 11, 400, 100_000, 150_000])
    message = rf"tokens\[{min(one, other)}\] = 7 is outside \[0, 7\)"
    for spans in (None, offsets):
        with pytest.raises(ValueError, match=message):
            kernels.score_sequences(
                np.zeros((7, 7)), tokens, offsets=spans, num_threads=num_threads
            )


TABLE = np.zeros((3, 3))
TOKENS = np.array([0, 1, 2])


@pytest.mark.parametrize(
    ("log_probs", "tokens", "options", "error", "message"),
    [
        ([[0.0]], TOKENS, {}, TypeError, "log_probs is list, wanted a NumPy array"),
        (
            np.zeros((3, 2)),
            TOKENS,
            {},
            ValueError,
            r"log_probs has shape \(3, 2\), wanted \(V, V\)",
        ),
        (np.zeros(9), TOKENS, {}, ValueError, r"log_probs has shape \(9,\)"),
        (np.zeros((3, 3), np.int64), TOKENS, {}, TypeError, "log_probs has dtype int64"),
        (np.zeros((3, 3), np.float16), TOKENS, {}, TypeError, "log_probs has dtype float16"),
        (np.zeros((0, 0)), TOKENS, {}, ValueError, r"tokens\[0\] = 0 is outside \[0, 0\)"),
        (TABLE, [0, 1], {}, TypeError, "tokens is [a-z]+, wanted a 1-D NumPy array"),
        (TABLE, np.array([0, -1]), {}, ValueError, r"tokens\[1\] = -1 is outside \[0, 3\)"),
        (TABLE, TOKENS, {"offsets": np.array([0, 4])}, ValueError, r"offsets\[1\] = 4 is outside"),
        (TABLE, TOKENS, {"offsets": np.array([], np.int64)}, ValueError, "offsets is empty"),
        (TABLE, TOKENS, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
    ],
)
def test_bad_arguments_are_named(log_probs, tokens, options, error, message):
    with pytest.raises(error, match=message):
        kernels.score_sequences(log_probs, tokens, **options)


@pytest.mark.parametrize(
    ("out", "log_probs", "tokens", "offsets"),
    [
        (np.zeros(2), TABLE, TOKENS, None),
        (np.zeros(1), TABLE, TOKENS, np.array([0, 1, 2])),
        (np.zeros(1, np.float32), TABLE, TOKENS, None),
        (np.zeros(1), np.zeros((3, 2)), TOKENS, None),
        (np.zeros(1), np.zeros((6, 3))[::2], TOKENS, None),
        (np.zeros(1), TABLE.astype(">f8"), TOKENS, None),
        (np.zeros(1), TABLE, np.zeros(3), None),
        (np.zeros(1), TABLE, TOKENS, np.array([0, 9])),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(out, log_probs, tokens, offsets):
    with pytest.raises((TypeError, ValueError)):
        _core.score_sequences(out, log_probs, tokens, offsets, 1)
