"""normalize_rows: counts (4096, 4096) int64 to float32 probabilities."""

import numpy as np
import pytest
from goals import Goal

from bigram import kernels, reference


@pytest.fixture(scope="module")
def counts(size) -> np.ndarray:
    v = size(4096, 4096, 64)
    return np.random.default_rng(0).integers(0, 1000, (v, v))


def numpy_best(counts: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Convert while dividing, without a float64 copy of the counts."""
    sums = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, sums, out=out, casting="unsafe")


def peers(counts: np.ndarray, compiled: bool) -> dict:
    found = {}
    try:
        import torch

        tensor = torch.from_numpy(counts)

        def eager(x: "torch.Tensor") -> "torch.Tensor":
            return (x / x.sum(1, keepdim=True)).float()

        found["torch"] = lambda: eager(tensor)
        if compiled:
            fused = torch.compile(eager, dynamic=False)
            found["torch.compile"] = lambda: fused(tensor)
    except ImportError:
        pass
    try:
        from sklearn.preprocessing import normalize

        found["sklearn"] = lambda: normalize(counts, norm="l1").astype(np.float32)
    except ImportError:
        pass
    return found


@pytest.mark.parametrize("output", ["warm out", "fresh output"])
def test_normalize_rows(duel, level, counts, output):
    wanted = reference.normalize_rows(counts)
    warm = output == "warm out"
    out = np.zeros(counts.shape, np.float32) if warm else None
    numpy_out = (lambda: np.zeros(counts.shape, np.float32)) if warm is False else (lambda: out)
    contenders = {
        "bigram": lambda: kernels.normalize_rows(counts, dtype=np.float32, out=out),
        "bigram, 1 thread": lambda: kernels.normalize_rows(
            counts, dtype=np.float32, out=out, num_threads=1
        ),
        "numpy": lambda: numpy_best(counts, numpy_out()),
        **peers(counts, compiled=level != "smoke"),
    }
    duel(
        f"normalize_rows {counts.shape}, {output}",
        contenders,
        check=lambda _, answer: np.testing.assert_allclose(answer, wanted, rtol=1e-6),
        work=counts.size,
        unit="cells",
        limit=lambda m: counts.nbytes / m.read + counts.nbytes / 2 / (m.copy if warm else m.fault),
        goals=[Goal(3.0 if warm else 1.5, "torch.compile")],
    )
