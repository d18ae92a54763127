"""score_sequences: the log-likelihood of many short sequences, and of one long one."""

import numpy as np
import pytest

from bigram import kernels

CASES = [(27, 8), (65, None), (4096, 100)]  # vocabulary, tokens a sequence


def numpy_sums(log_probs: np.ndarray, tokens: np.ndarray, offsets: np.ndarray | None) -> np.ndarray:
    """One gather for all pairs; the pairs between two sequences count nothing."""
    scores = log_probs[tokens[:-1], tokens[1:]]
    if offsets is None:
        return np.array([scores.sum()])
    scores[offsets[1:-1] - 1] = 0.0
    return np.add.reduceat(scores, offsets[:-1])


def numba_loop():
    numba = pytest.importorskip("numba")

    @numba.njit
    def score(log_probs, tokens, offsets):
        scores = np.zeros(len(offsets) - 1)
        for s in range(len(scores)):
            for i in range(offsets[s], offsets[s + 1] - 1):
                scores[s] += log_probs[tokens[i], tokens[i + 1]]
        return scores

    return score


@pytest.mark.parametrize(("vocab_size", "length"), CASES)
def test_score_sequences(duel, size, rng, vocab_size, length):
    count = size(20_000_000, 2_000_000, 20_000)
    log_probs = np.log(kernels.normalize_rows(rng.integers(1, 100, (vocab_size, vocab_size))))
    dtype = np.uint8 if vocab_size <= 256 else np.uint16
    tokens = rng.integers(0, vocab_size, count).astype(dtype)
    offsets = None if length is None else np.arange(0, count + 1, length)
    spans = np.array([0, count]) if offsets is None else offsets
    loop = numba_loop()
    wanted = numpy_sums(log_probs, tokens, offsets)
    duel(
        f"score_sequences V = {vocab_size}, {count:,} tokens, {length or 'all'} a sequence",
        {
            "bigram": lambda: kernels.score_sequences(log_probs, tokens, offsets=offsets),
            "bigram, 1 thread": lambda: kernels.score_sequences(
                log_probs, tokens, offsets=offsets, num_threads=1
            ),
            "numba": lambda: loop(log_probs, tokens, spans),
            "numpy": lambda: numpy_sums(log_probs, tokens, offsets),
        },
        check=lambda _, answer: np.testing.assert_allclose(answer, wanted, rtol=1e-9),
        work=count,
        unit="tokens",
        limit=lambda m: tokens.nbytes / m.read,
    )
