"""count_bigrams: 100M tokens into a dense table, text-like bytes and 16-bit ids."""

import os
from pathlib import Path

import numpy as np
import pytest
from goals import Goal

from bigram import kernels

CASES = {  # vocabulary, distribution: goal, as a ratio to the best peer
    (27, "text"): 5.0,
    (65, "text"): 3.0,
    (256, "text"): 2.8,
    (256, "uniform"): None,
    (1024, "zipf"): 1.9,
    (1024, "uniform"): 1.9,
    (4096, "zipf"): 2.4,
    (4096, "uniform"): 2.4,
}


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


@pytest.mark.parametrize(("vocab_size", "kind"), CASES)
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
        goals=[Goal(CASES[vocab_size, kind], "numba")] if CASES[vocab_size, kind] else [],
    )
