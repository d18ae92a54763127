"""Counts of pairs in a dense table: `count_bigrams`."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

DTYPES = [np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">u2", ">i4", ">i8"]
VIEWS = [
    lambda a: a,
    lambda a: a[::-1],
    lambda a: a[1::2],
    lambda a: a[::-3],
    lambda a: np.broadcast_to(a[:1], a.shape),
]


@st.composite
def token_arrays(draw):
    """Draw read-only tokens of any dtype and stride, in sizes that reach every path."""
    vocab_size = draw(st.sampled_from([1, 2, 3, 27, 32, 33, 65, 128, 255, 256]))
    size = draw(st.sampled_from([0, 1, 2, 3, 10, 63, 1023, 1024, 1025, 4097, 40_000, 300_000]))
    seed = draw(st.integers(0, 2**32 - 1))
    tokens = np.random.default_rng(seed).integers(0, vocab_size, size)
    tokens = draw(st.sampled_from(VIEWS))(tokens.astype(draw(st.sampled_from(DTYPES))))
    tokens.flags.writeable = False
    return tokens, vocab_size


@st.composite
def offsets_for(draw, size):
    count = draw(st.integers(1, 12))
    return np.sort(draw(st.lists(st.integers(0, size), min_size=count, max_size=count))).astype(
        np.int64
    )


threads = st.sampled_from([1, 2, 3, 7])


@given(token_arrays(), threads, st.data())
def test_counts_equal_the_twin(case, num_threads, data):
    tokens, vocab_size = case
    offsets = data.draw(st.one_of(st.none(), offsets_for(tokens.size)))
    wanted = reference.count_bigrams(tokens, vocab_size, offsets=offsets)
    got = kernels.count_bigrams(tokens, vocab_size, offsets=offsets, num_threads=num_threads)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, wanted)


@given(token_arrays(), threads, st.data())
def test_the_first_bad_token_is_named_and_out_is_unchanged(case, num_threads, data):
    tokens, vocab_size = case
    if tokens.size == 0:
        return
    tokens = np.array(tokens, np.int64)
    where = sorted(data.draw(st.lists(st.integers(0, tokens.size - 1), min_size=1, max_size=3)))
    tokens[where] = data.draw(st.sampled_from([-1, vocab_size, 2**31, 2**32, -(2**63)]))
    out = np.ones((vocab_size, vocab_size), np.int64)
    message = rf"tokens\[{where[0]}\] = {tokens[where[0]]} is outside \[0, {vocab_size}\)"
    with pytest.raises(ValueError, match=message):
        kernels.count_bigrams(tokens, vocab_size, out=out, num_threads=num_threads)
    assert (out == 1).all()


@pytest.mark.parametrize("vocab_size", [2, 27, 32, 65, 200])
@pytest.mark.parametrize("size", [1, 2, 100, 50_000, 600_000])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_the_first_bad_byte_is_named(vocab_size, size, place):
    tokens = np.zeros(size, np.uint8)
    bad = int(place * (size - 1))
    tokens[bad] = vocab_size
    out = np.zeros((vocab_size, vocab_size), np.int64)
    with pytest.raises(ValueError, match=rf"tokens\[{bad}\] = {vocab_size} is outside"):
        kernels.count_bigrams(tokens, vocab_size, out=out)
    assert not out.any()


@pytest.mark.parametrize("dtype", [np.uint16, np.int64])
@pytest.mark.parametrize("vocab_size", [300, 1024])
def test_counts_of_larger_vocabularies_equal_the_twin(dtype, vocab_size):
    rng = np.random.default_rng(vocab_size)
    size = 3 * vocab_size**2  # from here on every thread has a private table
    tokens = rng.integers(0, vocab_size, size).astype(dtype)
    offsets = np.sort(rng.integers(0, size + 1, 1000))
    for some in (tokens, tokens[: vocab_size * 10]):
        np.testing.assert_array_equal(
            kernels.count_bigrams(some, vocab_size), reference.count_bigrams(some, vocab_size)
        )
    starts = np.unique(offsets[1:-1][(offsets[1:-1] > offsets[0]) & (offsets[1:-1] < offsets[-1])])
    inside = kernels.count_bigrams(tokens[offsets[0] : offsets[-1]], vocab_size, num_threads=1)
    np.subtract.at(inside, (tokens[starts - 1], tokens[starts]), 1)
    got = kernels.count_bigrams(tokens, vocab_size, offsets=offsets, num_threads=3)
    np.testing.assert_array_equal(got, inside)


@pytest.mark.parametrize(
    ("vocab_size", "size"), [(27, 2_200_000), (65, 1_200_000), (256, 8_400_000)]
)
@pytest.mark.parametrize("num_threads", [1, 2])
def test_counts_of_many_bytes_equal_the_twin(vocab_size, size, num_threads):
    """They are counted through tables of n-grams whose 16-bit cells overflow."""
    rng = np.random.default_rng(size)
    tokens = (min(vocab_size, 127) * rng.random(size, np.float32) ** 9).astype(np.uint8)
    tokens[rng.integers(0, size, 50)] = vocab_size - 1
    offsets = np.sort(rng.integers(0, size, 1000))
    for spans in (None, offsets):
        got = kernels.count_bigrams(tokens, vocab_size, offsets=spans, num_threads=num_threads)
        first, last = (0, size) if spans is None else (spans[0], spans[-1])
        wanted = reference.count_bigrams(tokens[first:last], vocab_size)
        if spans is not None:
            starts = np.unique(spans[(spans > first) & (spans < last)])
            np.subtract.at(wanted, (tokens[starts - 1], tokens[starts]), 1)
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("vocab_size", [128, 256, 1000])
@pytest.mark.parametrize(
    "alphabet", [b"\nabcdefghijklmnopqrstuvwxyz", b"\0\xff", b"ACGT", b"\t0123456789", b"  "]
)
@pytest.mark.parametrize("num_threads", [1, 2])
def test_counts_of_texts_with_few_distinct_bytes_equal_the_twin(vocab_size, alphabet, num_threads):
    """The bytes of such a text lie close together except one; a few others occur."""
    rng = np.random.default_rng(len(alphabet))
    letters = np.frombuffer(alphabet, np.uint8)
    tokens = letters[(letters.size * rng.random(2_300_000, np.float32) ** 5).astype(np.int64)]
    strange = [0, 9, 11, *range(40, 44), 95, 96, 123, 127, 128, 255]
    tokens[rng.integers(0, tokens.size, 40)] = rng.choice(strange, 40).astype(np.uint8)
    tokens = tokens[tokens < vocab_size]
    np.testing.assert_array_equal(
        kernels.count_bigrams(tokens, vocab_size, num_threads=num_threads),
        reference.count_bigrams(tokens, vocab_size),
    )


def test_counts_are_added_to_out():
    tokens = np.random.default_rng(0).integers(0, 27, 200_000).astype(np.uint8)
    half = tokens.size // 2
    out = kernels.count_bigrams(tokens[: half + 1], 27)
    assert kernels.count_bigrams(tokens[half:], 27, out=out) is out
    np.testing.assert_array_equal(out, kernels.count_bigrams(tokens, 27))


@pytest.mark.parametrize(
    ("vocab_size", "size"), [(3, 12), (3, 400_000), (70, 600), (300, 70_000), (300, 400_000)]
)
@pytest.mark.parametrize("dtype", [np.uint16, np.int64])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_a_count_that_would_exceed_64_bits_is_refused(vocab_size, size, dtype, num_threads):
    """On every path: short and long sequences, straight into out and through tables."""
    tokens = np.zeros(size, dtype)
    tokens[::3] = vocab_size - 1
    room = reference.count_bigrams(tokens, vocab_size)
    full = 2**63 - 1 - room
    out = full.copy()
    kernels.count_bigrams(tokens, vocab_size, out=out, num_threads=num_threads)
    assert (out == 2**63 - 1).all()
    for cell in ((0, 0), (vocab_size - 1, 0)):
        out = full.copy()
        out[cell] += 1
        before = out.copy()
        with pytest.raises(ValueError, match="a count in out would exceed"):
            kernels.count_bigrams(tokens, vocab_size, out=out, num_threads=num_threads)
        np.testing.assert_array_equal(out, before)
    tokens[:] = 0  # pairs only across offsets, which are not counted
    offsets = np.arange(size + 1)
    out = np.full((vocab_size, vocab_size), 2**63 - 1)
    kernels.count_bigrams(tokens, vocab_size, offsets=offsets, out=out, num_threads=num_threads)
    assert (out == 2**63 - 1).all()


def test_more_pairs_than_32_bits_can_hold_are_counted():
    tokens = np.zeros(2**32 + 3, np.uint8)  # never written, so all of it is one page of zeros
    out = np.zeros((2, 2), np.int64)
    kernels.count_bigrams(tokens, 2, out=out)
    assert out.tolist() == [[2**32 + 2, 0], [0, 0]]
    tokens[-1] = 5
    with pytest.raises(ValueError, match=rf"tokens\[{2**32 + 2}\] = 5"):
        kernels.count_bigrams(tokens, 2, out=out)
    assert out.tolist() == [[2**32 + 2, 0], [0, 0]]


def test_counts_of_the_names_are_those_of_the_lecture(names_path, reference_folder):
    text = np.frombuffer(b"\n" + names_path.read_bytes() + b"\n", np.uint8)
    ids = np.where(text == ord("\n"), 0, text - 96).astype(np.uint8)
    wanted = np.loadtxt(reference_folder / "makemore_counts.csv", delimiter=",", dtype=np.int64)
    got = kernels.count_bigrams(ids, 27)
    assert got.sum() == 228_146
    np.testing.assert_array_equal(got, wanted)


TOKENS = np.array([0, 1, 1])


def _read_only():
    out = np.zeros((2, 2), np.int64)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    ("tokens", "vocab_size", "options", "error", "message"),
    [
        ([0, 1], 2, {}, TypeError, "tokens is list, wanted a 1-D NumPy array of uint8"),
        (np.zeros(3), 2, {}, TypeError, "tokens has dtype float64, wanted uint8"),
        (np.zeros(3, bool), 2, {}, TypeError, "tokens has dtype bool"),
        (np.zeros(3, np.uint64), 2, {}, TypeError, "tokens has dtype uint64"),
        (np.zeros((2, 2), np.int64), 2, {}, ValueError, r"tokens has shape \(2, 2\)"),
        (np.array(3), 2, {}, ValueError, r"tokens has shape \(\)"),
        (TOKENS, 0, {}, ValueError, "vocab_size = 0 is outside"),
        (TOKENS, 2**31, {}, ValueError, "vocab_size = 2147483648 is outside"),
        (TOKENS, 2.0, {}, TypeError, "vocab_size is float, wanted an integer"),
        (TOKENS, True, {}, TypeError, "vocab_size is bool, wanted an integer"),
        (TOKENS, 1, {}, ValueError, r"tokens\[1\] = 1 is outside \[0, 1\)"),
        (TOKENS, 2, {"offsets": [0, 3]}, TypeError, "offsets is list, wanted a 1-D NumPy"),
        (TOKENS, 2, {"offsets": np.array([0.0, 3])}, TypeError, "offsets has dtype float64"),
        (TOKENS, 2, {"offsets": np.array([0, 3], np.int32)}, TypeError, "wanted int64"),
        (TOKENS, 2, {"offsets": np.array([[0, 3]])}, ValueError, r"offsets has shape \(1, 2\)"),
        (TOKENS, 2, {"offsets": np.array([], np.int64)}, ValueError, "offsets is empty"),
        (TOKENS, 2, {"offsets": np.array([0, 4])}, ValueError, r"offsets\[1\] = 4 is outside"),
        (TOKENS, 2, {"offsets": np.array([-1, 3])}, ValueError, r"offsets\[0\] = -1 is outside"),
        (TOKENS, 2, {"offsets": np.array([0, 2, 1])}, ValueError, r"offsets\[2\] = 1 is outside"),
        (TOKENS, 2, {"out": np.zeros((2, 3), np.int64)}, ValueError, r"out has shape \(2, 3\)"),
        (TOKENS, 2, {"out": np.zeros((2, 2))}, TypeError, "out has dtype float64, wanted int64"),
        (TOKENS, 2, {"out": np.zeros((4, 2), np.int64)[::2]}, ValueError, "out is strided"),
        (TOKENS, 2, {"out": _read_only()}, ValueError, "out is read-only"),
        (TOKENS, 2, {"out": [[0]]}, TypeError, "out is list, wanted a NumPy array"),
        (TOKENS, 2, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
    ],
)
def test_bad_arguments_are_named(tokens, vocab_size, options, error, message):
    with pytest.raises(error, match=message):
        kernels.count_bigrams(tokens, vocab_size, **options)


def test_out_that_overlaps_an_input_is_refused():
    buffer = np.zeros(8, np.int64)
    with pytest.raises(ValueError, match="out overlaps"):
        kernels.count_bigrams(buffer[:5], 2, out=buffer[4:].reshape(2, 2))
    with pytest.raises(ValueError, match="out overlaps"):
        kernels.count_bigrams(TOKENS, 2, offsets=buffer[:5], out=buffer[4:].reshape(2, 2))


def test_tokens_outside_all_sequences_are_not_read():
    tokens = np.array([99, 0, 1, 0, -5])
    got = kernels.count_bigrams(tokens, 2, offsets=np.array([1, 4]))
    np.testing.assert_array_equal(got, [[0, 1], [1, 0]])


ZEROS = np.zeros((2, 2), np.int64)


@pytest.mark.parametrize(
    ("counts", "tokens", "offsets"),
    [
        (np.zeros((2, 3), np.int64), TOKENS, None),
        (np.zeros(4, np.int64), TOKENS, None),
        (np.zeros((2, 2)), TOKENS, None),
        (_read_only(), TOKENS, None),
        (ZEROS, np.zeros(3), None),
        (ZEROS, TOKENS.astype(">i8"), None),
        (ZEROS, np.zeros((2, 2), np.int64), None),
        (ZEROS, np.frombuffer(bytes(25), np.uint8)[1:].view(np.int64), None),
        (ZEROS, TOKENS, np.array([0, 9])),
        (ZEROS, TOKENS, np.array([-3, 1])),
        (ZEROS, TOKENS, np.array([0, 3])[::-1]),
        (ZEROS, TOKENS, np.array([], np.int64)),
        (ZEROS, TOKENS, np.array([0.0, 3.0])),
        (ZEROS, TOKENS, [0, 3]),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(counts, tokens, offsets):
    with pytest.raises((TypeError, ValueError)):
        _core.count_bigrams(counts, tokens, offsets, 1)
    assert not ZEROS.any()


def test_native_byte_order_may_be_named_explicitly() -> None:
    # newbyteorder leaves "<" where NumPy elsewhere writes "=".
    explicit = np.dtype(np.uint32).newbyteorder("<" if sys.byteorder == "little" else ">")
    tokens = np.array([0, 1, 0]).astype(explicit)
    assert kernels.count_bigrams(tokens, 2).tolist() == [[0, 1], [1, 0]]
