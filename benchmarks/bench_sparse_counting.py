"""count_bigrams_sparse: 100M Zipf-distributed ids of a large vocabulary into a csr_array."""

import numpy as np
import pytest
from goals import Goal
from tokens import zipf_tokens

from bigram import kernels

CASES = {50_257: 6.0, 128_256: 5.0}  # vocabulary: goal, as a ratio to np.unique


def unique(
    tokens: np.ndarray, vocab_size: int, key: type = np.int64
) -> tuple[np.ndarray, np.ndarray]:
    pairs = tokens[:-1].astype(key) * key(vocab_size) + tokens[1:]
    return np.unique(pairs, return_counts=True)


def scipy(tokens: np.ndarray, vocab_size: int) -> object:
    from scipy.sparse import coo_array

    pairs = (tokens[:-1].astype(np.int32), tokens[1:].astype(np.int32))
    ones = np.ones(tokens.size - 1, np.int64)
    counts = coo_array((ones, pairs), shape=(vocab_size, vocab_size)).tocsr()
    counts.sum_duplicates()
    return counts


def polars_group_by(tokens: np.ndarray) -> object:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"i": tokens[:-1], "j": tokens[1:]})
    return frame.group_by("i", "j").len().sort("i", "j")


def pairs_and_counts(answer: object, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Bring every contender's answer into the form of np.unique."""
    if isinstance(answer, tuple):
        return answer
    if hasattr(answer, "tocoo"):
        rows, columns = answer.tocoo().coords
        return rows.astype(np.int64) * vocab_size + columns, answer.data
    ids = answer["i"].to_numpy().astype(np.int64), answer["j"].to_numpy()
    return ids[0] * vocab_size + ids[1], answer["len"].to_numpy()


@pytest.mark.parametrize("vocab_size", CASES)
def test_count_bigrams_sparse(duel, size, vocab_size):
    tokens = zipf_tokens(vocab_size, size(100_000_000, 5_000_000, 50_000))
    wanted = unique(tokens, vocab_size)

    def check(_: str, answer: object) -> None:
        for got, want in zip(pairs_and_counts(answer, vocab_size), wanted, strict=True):
            np.testing.assert_array_equal(got, want)

    # Where all pairs fit in 32 bits, keys of this width are sorted in half the time.
    narrow = vocab_size**2 <= 2**32
    narrow_unique = {"numpy.unique of uint32": lambda: unique(tokens, vocab_size, np.uint32)}
    duel(
        f"count_bigrams_sparse V = {vocab_size:,}, {tokens.size:,} {tokens.dtype}, Zipf",
        {
            "bigram": lambda: kernels.count_bigrams_sparse(tokens, vocab_size),
            "bigram, 1 thread": lambda: kernels.count_bigrams_sparse(
                tokens, vocab_size, num_threads=1
            ),
            "numpy.unique": lambda: unique(tokens, vocab_size),
            **(narrow_unique if narrow else {}),
            "scipy": lambda: scipy(tokens, vocab_size),
            "polars": lambda: polars_group_by(tokens),
        },
        check=check,
        work=tokens.size - 1,
        unit="pairs",
        limit=lambda m: (tokens.nbytes / m.read) + 12 * len(wanted[0]) / m.fault,
        goals=[Goal(CASES[vocab_size], "numpy.unique"), Goal(10, "scipy")],
    )
