"""Counting 100 million tokens: into a dense table, and of large vocabularies into a csr_array."""

import os
from pathlib import Path

import numpy as np
import pytest
from goals import Goal
from tokens import zipf_tokens

from bigram import kernels

DENSE = {  # vocabulary, distribution: goal, as a ratio to numba
    (27, "text"): 5.0,
    (65, "text"): 3.0,
    (256, "text"): 2.8,
    (256, "uniform"): None,
    (1024, "zipf"): 1.9,
    (1024, "uniform"): 1.9,
    (4096, "zipf"): 2.4,
    (4096, "uniform"): 2.4,
}
SPARSE = {50_257: 6.0, 128_256: 5.0}  # vocabulary: goal, as a ratio to np.unique


def text(vocab_size: int, count: int) -> np.ndarray:
    """Names (27), Shakespeare's characters (65) or bytes (256), repeated to `count` tokens."""
    folder = Path(os.environ.get("BIGRAM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / ("names.txt" if vocab_size == 27 else "tinyshakespeare.txt")
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {folder} (BIGRAM_DATA names the folder)")
    tokens = np.frombuffer(path.read_bytes(), np.uint8)
    if vocab_size < 256:
        tokens = np.unique(tokens, return_inverse=True)[1].astype(np.uint8)
    return np.resize(tokens, count)


def draw(vocab_size: int, kind: str, count: int) -> np.ndarray:
    dtype = np.uint8 if vocab_size <= 256 else np.uint16
    if kind == "text":
        return text(vocab_size, count)
    weights = np.ones(vocab_size) if kind == "uniform" else 1 / np.arange(1, vocab_size + 1)
    return kernels.multinomial(weights, count, seed=0).astype(dtype)


def bincount(tokens: np.ndarray, vocab_size: int) -> np.ndarray:
    """np.bincount by blocks of a million, which is faster than at once, and fits in memory."""
    counts = np.zeros(vocab_size**2, np.int64)
    for start in range(0, tokens.size - 1, 1 << 20):
        block = tokens[start : start + (1 << 20) + 1].astype(np.int64)
        pairs = block[:-1] * vocab_size + block[1:]
        if vocab_size <= 1024:
            counts += np.bincount(pairs, minlength=counts.size)
        else:
            np.add.at(counts, pairs, 1)
    return counts.reshape(vocab_size, vocab_size)


def numba_loop():
    numba = pytest.importorskip("numba")

    @numba.njit
    def count(tokens, vocab_size):
        counts = np.zeros((vocab_size, vocab_size), np.int64)
        for i in range(tokens.size - 1):
            counts[tokens[i], tokens[i + 1]] += 1
        return counts

    return count


@pytest.mark.parametrize(("vocab_size", "kind"), DENSE)
def test_count_bigrams(duel, size, vocab_size, kind):
    tokens = draw(vocab_size, kind, size(100_000_000, 10_000_000, 50_000))
    loop = numba_loop()
    wanted = loop(tokens, vocab_size)
    duel(
        f"count_bigrams V = {vocab_size}, {tokens.size:,} {tokens.dtype}, {kind}",
        {
            "bigram": lambda: kernels.count_bigrams(tokens, vocab_size),
            "bigram, 1 thread": lambda: kernels.count_bigrams(tokens, vocab_size, num_threads=1),
            "numba": lambda: loop(tokens, vocab_size),
            "numpy": lambda: bincount(tokens, vocab_size),
        },
        check=lambda _, answer: np.testing.assert_array_equal(answer, wanted),
        work=tokens.size - 1,
        unit="pairs",
        limit=lambda m: tokens.nbytes / m.read,
        goals=[Goal(DENSE[vocab_size, kind], "numba")] if DENSE[vocab_size, kind] else [],
    )


# ---- sparse


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


@pytest.mark.parametrize("vocab_size", SPARSE)
def test_count_bigrams_sparse(duel, size, vocab_size):
    tokens = zipf_tokens(vocab_size, size(100_000_000, 5_000_000, 50_000))
    wanted = unique(tokens, vocab_size)

    def check(_: str, answer: object) -> None:
        for got, want in zip(pairs_and_counts(answer, vocab_size), wanted, strict=True):
            np.testing.assert_array_equal(got, want)

    # If all pairs fit in 32 bits, keys of this width are sorted in half the time.
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
        goals=[Goal(SPARSE[vocab_size], "numpy.unique"), Goal(10, "scipy")],
    )
