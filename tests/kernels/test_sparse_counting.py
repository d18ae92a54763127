"""Counts of pairs in a sparse matrix: `count_bigrams_sparse`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

DTYPES = [np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">u4", ">i8"]
VOCABS = [1, 2, 27, 256, 1000, 5000, 50_257, 128_256, 2**20, 2**20 + 1, 3_000_000]
VIEWS = [
    lambda a: a,
    lambda a: a[::-1],
    lambda a: a[1::2],
    lambda a: np.broadcast_to(a[:1], a.shape),
]


def zipf(rng, vocab_size, size, exponent):
    """Return ids of which few are frequent, so that rows differ in length."""
    return (vocab_size * rng.random(size) ** exponent).astype(np.int64).clip(max=vocab_size - 1)


def assert_same(got, wanted):
    assert got.shape == wanted.shape
    assert got.dtype == np.int64
    assert got.indices.dtype == got.indptr.dtype == np.int32
    assert got.has_canonical_format
    np.testing.assert_array_equal(got.indptr, wanted.indptr)
    np.testing.assert_array_equal(got.indices, wanted.indices)
    np.testing.assert_array_equal(got.data, wanted.data)


@st.composite
def cases(draw):
    """Draw read-only tokens of any dtype and stride, a vocabulary, and offsets or None."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    vocab_size = draw(st.sampled_from(VOCABS))
    size = draw(st.sampled_from([0, 1, 2, 10, 1000, 29_999, 30_002, 70_000, 300_000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = min(vocab_size, np.iinfo(dtype).max + 1)
    tokens = zipf(rng, ids, size, draw(st.sampled_from([1, 3, 12]))).astype(dtype)
    tokens = draw(st.sampled_from(VIEWS))(tokens)
    tokens.flags.writeable = False
    offsets = None
    if draw(st.booleans()):
        count = draw(st.sampled_from([1, 2, 10, 50_000]))
        offsets = np.sort(rng.integers(0, tokens.size + 1, count))
    return tokens, vocab_size, offsets


@given(cases(), st.sampled_from([1, 2, 3, 7]))
def test_counts_equal_the_twin(case, num_threads):
    tokens, vocab_size, offsets = case
    got = kernels.count_bigrams_sparse(tokens, vocab_size, offsets=offsets, num_threads=num_threads)
    assert_same(got, reference.count_bigrams_sparse(tokens, vocab_size, offsets=offsets))


@pytest.mark.parametrize("vocab_size", [300, 2000, 128_256, 2_500_000])
def test_counts_of_many_tokens_equal_the_twin(vocab_size):
    """In one call: dense rows, packed buckets and buckets of several contexts."""
    rng = np.random.default_rng(vocab_size)
    tokens = zipf(rng, vocab_size, 2_000_000, 6).astype(np.uint32)
    wanted = reference.count_bigrams_sparse(tokens, vocab_size)
    for num_threads in (1, 3):
        assert_same(
            kernels.count_bigrams_sparse(tokens, vocab_size, num_threads=num_threads), wanted
        )


def test_counts_equal_the_dense_kernel():
    tokens = np.random.default_rng(0).integers(0, 1500, 3_000_000).astype(np.uint16)
    dense = kernels.count_bigrams(tokens, 1500)
    np.testing.assert_array_equal(kernels.count_bigrams_sparse(tokens, 1500).toarray(), dense)


def test_the_largest_ids_are_counted():
    tokens = np.array([5_000_000, 3, 5_000_000, 4_999_999, 3, 3])
    got = kernels.count_bigrams_sparse(tokens, 5_000_001)
    assert sorted(got.todok().items()) == [
        ((3, 3), 1),
        ((3, 5_000_000), 1),
        ((4_999_999, 3), 1),
        ((5_000_000, 3), 1),
        ((5_000_000, 4_999_999), 1),
    ]
    with pytest.raises(ValueError, match=r"tokens\[1\] = 2147483647 is outside"):
        kernels.count_bigrams_sparse(np.array([0, 2**31 - 1]), 2**31 - 1)


@given(cases(), st.data())
def test_the_first_bad_token_is_named(case, data):
    tokens, vocab_size, _ = case
    if tokens.size == 0:
        return
    tokens = np.array(tokens, np.int64)
    where = sorted(data.draw(st.lists(st.integers(0, tokens.size - 1), min_size=1, max_size=3)))
    tokens[where] = data.draw(st.sampled_from([-1, vocab_size, 2**32, -(2**63)]))
    message = rf"tokens\[{where[0]}\] = {tokens[where[0]]} is outside \[0, {vocab_size}\)"
    with pytest.raises(ValueError, match=message):
        kernels.count_bigrams_sparse(tokens, vocab_size, num_threads=3)


TOKENS = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("tokens", "vocab_size", "options", "error", "message"),
    [
        ([0, 1], 2, {}, TypeError, "tokens is list, wanted a 1-D NumPy array of uint8"),
        (np.zeros(3), 2, {}, TypeError, "tokens has dtype float64, wanted uint8"),
        (np.zeros((2, 2), np.int64), 2, {}, ValueError, r"tokens has shape \(2, 2\)"),
        (TOKENS, 0, {}, ValueError, "vocab_size = 0 is outside"),
        (TOKENS, 2**31, {}, ValueError, "vocab_size = 2147483648 is outside"),
        (TOKENS, 1, {}, ValueError, r"tokens\[1\] = 1 is outside \[0, 1\)"),
        (TOKENS, 2, {"offsets": np.array([0, 4])}, ValueError, r"offsets\[1\] = 4 is outside"),
        (TOKENS, 2, {"offsets": np.array([0, 3], np.int32)}, TypeError, "wanted int64"),
        (TOKENS, 2, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
    ],
)
def test_bad_arguments_are_named(tokens, vocab_size, options, error, message):
    with pytest.raises(error, match=message):
        kernels.count_bigrams_sparse(tokens, vocab_size, **options)


@pytest.mark.parametrize(
    ("tokens", "vocab_size", "offsets"),
    [
        (np.zeros(3), 2, None),
        (TOKENS.astype(">i8"), 2, None),
        (np.zeros((2, 2), np.int64), 2, None),
        (TOKENS, 0, None),
        (TOKENS, -5, None),
        (TOKENS, 2**31, None),
        (TOKENS, 2, np.array([0, 9])),
        (TOKENS, 2, np.array([-3, 1])),
        (TOKENS, 2, np.array([], np.int64)),
        (TOKENS, 2, [0, 3]),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(tokens, vocab_size, offsets):
    with pytest.raises((TypeError, ValueError)):
        _core.count_bigrams_sparse(tokens, vocab_size, offsets, 1)
