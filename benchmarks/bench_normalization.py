"""normalize_rows: counts (4096, 4096) int64 to float32 probabilities, into a warm out=."""

import numpy as np
import pytest

from bigram import kernels, reference

V = 4096


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1000, (V, V))


def numpy_best(counts: np.ndarray, out: np.ndarray) -> np.ndarray:
    """One pass that converts while dividing, without a float64 copy of the counts."""
    sums = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, sums, out=out, casting="unsafe")


CONTENDERS = {
    "bigram": lambda counts, out: kernels.normalize_rows(counts, dtype=np.float32, out=out),
    "numpy": numpy_best,
}


@pytest.mark.parametrize("contender", CONTENDERS)
def test_normalize_rows(benchmark, counts, contender):
    out = np.zeros((V, V), np.float32)
    run = CONTENDERS[contender]
    run(counts, out)
    np.testing.assert_allclose(out, reference.normalize_rows(counts), rtol=1e-6)
    benchmark.group = "normalize_rows (4096, 4096) int64 to float32, warm out"
    benchmark.pedantic(run, (counts, out), rounds=5, warmup_rounds=1)
