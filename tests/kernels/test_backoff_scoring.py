"""Log-probabilities under a model with backoff."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

VIEWS = [
    lambda a: a,
    lambda a: a[::-1],
    lambda a: a[1::2],
    lambda a: np.broadcast_to(a[:1], a.shape),
]
threads = st.sampled_from([1, 2, 3, 7])


def random_model(rng, vocab_size, dtype):
    """Return indptr, indices, log_probs, log_backoff and log_base of a few random pairs."""
    pairs = rng.integers(0, 4 * vocab_size)
    keys = np.unique(rng.integers(0, vocab_size, (pairs, 2)), axis=0)
    indptr = np.searchsorted(keys[:, 0], np.arange(vocab_size + 1))
    values = [np.log(rng.random(n)) for n in (len(keys), vocab_size, vocab_size)]
    return indptr, keys[:, 1].astype(dtype), *values


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    vocab_size = draw(st.sampled_from([1, 2, 5, 100, 3000]))
    model = random_model(rng, vocab_size, draw(st.sampled_from([np.int32, np.int64])))
    size = draw(st.sampled_from([0, 1, 2, 3, 255, 257, 258, 5000, 70_000, 100_000]))
    tokens = rng.integers(0, vocab_size, size)
    small = [">u2", ">i8", np.uint16, np.uint32, np.int32, np.int64]
    tokens = tokens.astype(draw(st.sampled_from([*small, np.uint8] if vocab_size < 256 else small)))
    tokens = draw(st.sampled_from(VIEWS))(tokens)
    tokens.flags.writeable = False
    return model, tokens


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.int32, np.int64]), st.booleans())
def test_the_index_of_pairs_equals_the_twin(seed, dtype, read_only):
    rng = np.random.default_rng(seed)
    indptr, indices, log_probs, *_ = random_model(rng, int(rng.choice([1, 2, 5, 100])), dtype)
    for array in (indptr, indices, log_probs):
        array.flags.writeable = not read_only
    got = kernels.index_pairs(indptr, indices, log_probs)
    assert got.dtype == np.uint64
    np.testing.assert_array_equal(got, reference.index_pairs(indptr, indices, log_probs))


@given(cases(), threads)
def test_scores_of_pairs_equal_the_twin(case, num_threads):
    model, tokens = case
    slots = kernels.index_pairs(*model[:3])
    got = kernels.score_backoff_pairs(
        slots, *model[3:], tokens[:-1], tokens[1:], num_threads=num_threads
    )
    wanted = reference.score_backoff_pairs(*model, tokens[:-1], tokens[1:])
    np.testing.assert_array_equal(got, wanted)


@given(cases(), threads, st.data())
def test_scores_of_sequences_equal_the_twin(case, num_threads, data):
    model, tokens = case
    offsets = None
    if data.draw(st.booleans()):
        cuts = data.draw(st.lists(st.integers(0, len(tokens)), min_size=1, max_size=20))
        offsets = np.sort(np.array(cuts, np.int64))
    slots = kernels.index_pairs(*model[:3])
    got = kernels.score_backoff_sequences(
        slots, *model[3:], tokens, offsets=offsets, num_threads=num_threads
    )
    wanted = reference.score_backoff_sequences(*model, tokens, offsets=offsets)
    np.testing.assert_allclose(got, wanted, rtol=1e-11)
    one = kernels.score_backoff_sequences(slots, *model[3:], tokens, offsets=offsets, num_threads=1)
    np.testing.assert_array_equal(got, one)


def test_short_and_long_sequences_are_scored_together():
    """Short sequences, empty ones, and long ones that threads score by pieces."""
    rng = np.random.default_rng(0)
    model = random_model(rng, 50, np.int32)
    lengths = np.concatenate([rng.integers(0, 6, 40_000), [100_000, 0, 1, 32_769, 2, 65_537]])
    offsets = np.concatenate([[3], 3 + np.cumsum(rng.permutation(lengths))])
    tokens = rng.integers(0, 50, offsets[-1] + 5)
    tokens[:3] = tokens[-5:] = 99  # outside every sequence, so never read
    slots = kernels.index_pairs(*model[:3])
    got = kernels.score_backoff_sequences(slots, *model[3:], tokens, offsets=offsets)
    wanted = reference.score_backoff_sequences(*model, tokens, offsets=offsets)
    np.testing.assert_allclose(got, wanted, rtol=1e-11)


@given(st.integers(0, 2**32 - 1), threads)
def test_the_first_bad_token_is_named(seed, num_threads):
    rng = np.random.default_rng(seed)
    model = random_model(rng, 7, np.int64)
    tokens = rng.integers(0, 7, 100_000)
    places = np.sort(rng.integers(0, len(tokens), 3))
    tokens[places] = rng.choice([-1, 7, 2**32])
    slots = kernels.index_pairs(*model[:3])
    message = rf"tokens\[{places[0]}\] = {tokens[places[0]]} is outside \[0, 7\)"
    for offsets in (None, np.arange(0, 100_001, 10)):
        with pytest.raises(ValueError, match=message):
            kernels.score_backoff_sequences(
                slots, *model[3:], tokens, offsets=offsets, num_threads=num_threads
            )


SLOTS = kernels.index_pairs(np.array([0, 1, 1]), np.array([1]), np.log([0.5]))
HALF = np.log([0.5, 0.5])
IDS = np.array([0, 1])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((SLOTS, HALF, HALF, [0], IDS), TypeError),
        ((SLOTS, HALF, HALF, IDS, IDS[:1]), ValueError),
        ((SLOTS, HALF, HALF, IDS, IDS + 1), ValueError),
        ((SLOTS, HALF, HALF, IDS - 1, IDS), ValueError),
        ((SLOTS, HALF, HALF[:1], IDS, IDS), ValueError),
        ((SLOTS, HALF, HALF.astype(np.float32), IDS, IDS), TypeError),
        ((SLOTS[:, :1].copy(), HALF, HALF, IDS, IDS), ValueError),
        ((SLOTS[:0], HALF, HALF, IDS, IDS), ValueError),
        ((SLOTS * 0 + 1, HALF, HALF, IDS, IDS), ValueError),
        ((SLOTS.astype(np.int64), HALF, HALF, IDS, IDS), TypeError),
        ((SLOTS, HALF, HALF, IDS.astype(float), IDS), TypeError),
    ],
)
def test_bad_arguments_of_pairs_are_refused(arguments, error):
    with pytest.raises(error):
        kernels.score_backoff_pairs(*arguments)


def test_a_bad_id_and_a_bad_length_are_named():
    with pytest.raises(ValueError, match=r"contexts\[0\] = -1 is outside \[0, 2\)"):
        kernels.score_backoff_pairs(SLOTS, HALF, HALF, IDS - 1, IDS)
    with pytest.raises(ValueError, match=r"nexts\[1\] = 2 is outside \[0, 2\)"):
        kernels.score_backoff_pairs(SLOTS, HALF, HALF, IDS, IDS + 1)
    with pytest.raises(ValueError, match="nexts has length 1; wanted length 2"):
        kernels.score_backoff_pairs(SLOTS, HALF, HALF, IDS, IDS[:1])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((np.array([0, 2]), np.array([1]), HALF[:1]), ValueError),
        ((np.array([1, 1]), np.array([1]), HALF[:1]), ValueError),
        ((np.array([0, 2, 1]), np.array([1]), HALF[:1]), ValueError),
        ((np.array([0, 1]), np.array([1, 2]), HALF[:1]), ValueError),
        ((np.array([0, 1]), np.array([1.0]), HALF[:1]), TypeError),
        ((np.array([], np.int64), np.array([1]), HALF[:1]), ValueError),
    ],
)
def test_bad_arguments_of_the_index_are_refused(arguments, error):
    with pytest.raises(error):
        kernels.index_pairs(*arguments)


def test_the_raw_extension_checks_what_protects_memory():
    out = np.empty(2)
    with pytest.raises(ValueError, match="out must have an entry"):
        _core.score_backoff_sequences(out, IDS, None, SLOTS, HALF, HALF, 1)
    with pytest.raises(ValueError, match="outside"):
        _core.score_backoff_sequences(out[:1], IDS, np.array([0, 5]), SLOTS, HALF, HALF, 1)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _core.score_backoff_pairs(out, IDS, IDS, SLOTS, HALF, HALF, 1)
    with pytest.raises(ValueError, match="slots must be more"):
        _core.index_pairs(np.zeros((1, 2), np.uint64), np.array([0, 1]), IDS[:1], HALF[:1], 1)
