"""Counting by size: 1,000 to 1,000,000,000 pairs, 27 to 262,144 ids."""

import numpy as np
import pytest
from tokens import unigram_counts, zipf_tokens

from bigram import kernels

LENGTHS = range(3, 10)  # powers of ten
VOCABS = [27, 256, 1024, 4096, 16_384, 50_257, 131_072, 262_144]
DENSE_LIMIT = 4096
PEER_LIMIT = 20_000_000  # beyond it, NumPy takes too long and too much memory at once


def unique(tokens: np.ndarray, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(tokens[:-1].astype(np.int64) * vocab_size + tokens[1:], return_counts=True)


def bincount(tokens: np.ndarray, vocab_size: int) -> np.ndarray:
    pairs = tokens[:-1].astype(np.int64) * vocab_size + tokens[1:]
    return np.bincount(pairs, minlength=vocab_size**2)


def contest(duel, vocab_size: int, num_pairs: int, curve: tuple[str, str, float]) -> None:
    """Dense or sparse, as `bigram.count` chooses by the vocabulary."""
    tokens = zipf_tokens(vocab_size, num_pairs + 1)
    dense = vocab_size <= DENSE_LIMIT
    ours = kernels.count_bigrams if dense else kernels.count_bigrams_sparse
    contenders = {"bigram": lambda: ours(tokens, vocab_size)}
    if num_pairs <= PEER_LIMIT:
        theirs = bincount if dense else unique
        contenders["numpy"] = lambda: theirs(tokens, vocab_size)
    unigrams = unigram_counts(tokens[1:], vocab_size)

    def check(name: str, answer: object) -> None:
        if name == "bigram":
            np.testing.assert_array_equal(np.asarray(answer.sum(axis=0)).ravel(), unigrams)
        else:
            assert (answer if dense else answer[1]).sum() == num_pairs

    duel(
        f"{'dense' if dense else 'sparse'} counting of {num_pairs:,} pairs, V = {vocab_size:,}",
        contenders,
        check=check,
        work=num_pairs,
        unit="pairs",
        curve=curve,
    )


@pytest.mark.parametrize("vocab_size", [27, 50_257])
@pytest.mark.parametrize("power", LENGTHS)
def test_length(duel, size, vocab_size, power):
    if power > size(9, 6, 3):
        pytest.skip("a longer run counts more pairs")
    contest(duel, vocab_size, 10**power, (f"V = {vocab_size:,}", "pairs", 10**power))


@pytest.mark.parametrize("vocab_size", VOCABS)
def test_vocabulary(duel, size, vocab_size):
    num_pairs = size(10_000_000, 1_000_000, 1000)
    contest(duel, vocab_size, num_pairs, (f"{num_pairs:,} pairs", "V", vocab_size))
