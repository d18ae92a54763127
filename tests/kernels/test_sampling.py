"""What both ways to draw share: the words, seeds, exact probabilities, bad weights."""

import numpy as np
import pytest

from bigram import kernels, reference

# ---- the words


def test_word_layout_is_pinned():
    uniform = np.ones((8, 8))
    tokens, _ = kernels.sample_sequences(uniform, np.arange(3), max_length=6, seed=2**40 + 7)
    assert tokens.tolist() == GOLDEN_TOKENS
    assert kernels.multinomial(uniform[:2], 5, seed=2**40 + 7).tolist() == GOLDEN_SAMPLES


GOLDEN_TOKENS = [1, 7, 0, 4, 2, 4, 3, 5, 0, 6, 5, 3, 7, 5, 0, 2, 3, 6]
GOLDEN_SAMPLES = [[7, 4, 4, 3, 7], [5, 6, 3, 3, 1]]


# ---- seeds


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


# ---- errors


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
