"""multinomial and sample_sequences against NumPy's and torch's draws and the lecture's loop."""

import numpy as np
import pytest
import scipy.sparse
from goals import Goal

import bigram
from bigram import kernels


def inverse_cdf(probs: np.ndarray, starts: np.ndarray, max_length: int, stop: int | None) -> int:
    """Draw with NumPy at its best: one binary search a step in all rows' sums at once."""
    rng = np.random.default_rng(0)
    size = len(probs)
    sums = probs.cumsum(axis=1)
    sums /= sums[:, -1:]
    steps = (sums + np.arange(size)[:, None]).ravel()
    state = starts.astype(np.int64)
    drawn = []
    for _ in range(max_length):
        place = np.searchsorted(steps, state + rng.random(len(state)), side="right")
        state = np.minimum(place, size * size - 1) - state * size
        if stop is not None:
            state = state[state != stop]
        drawn.append(state)
        if len(state) == 0:
            break
    return sum(map(len, drawn))


def torch_steps(probs: np.ndarray, starts: np.ndarray, max_length: int, stop: int | None) -> int:
    """Draw a step of all sequences by torch.multinomial."""
    import torch

    rows = torch.from_numpy(probs)
    state = torch.from_numpy(starts.astype(np.int64))
    total = 0
    for _ in range(max_length):
        state = torch.multinomial(rows[state], 1, replacement=True)[:, 0]
        if stop is not None:
            state = state[state != stop]
        total += len(state)
        if len(state) == 0:
            break
    return total


def lecture_loop(probs: np.ndarray, starts: np.ndarray, stop: int) -> int:
    """Draw one token a time, as the lecture does."""
    import torch

    rows = torch.from_numpy(probs)
    total = 0
    for start in starts.tolist():
        state = start
        while True:
            state = torch.multinomial(rows[state], num_samples=1, replacement=True).item()
            if state == stop:
                break
            total += 1
    return total


@pytest.fixture(scope="module")
def names() -> np.ndarray:
    counts = bigram.datasets.load_makemore_counts()
    matrix = counts.matrix if hasattr(counts, "matrix") else counts
    return np.asarray(matrix) / np.asarray(matrix).sum(axis=1, keepdims=True)


def near(wanted: float):
    """Check that a contender drew about as many tokens as it should."""

    def check(_: str, answer) -> None:
        drawn = len(answer[0]) if isinstance(answer, tuple) else answer
        assert abs(drawn / wanted - 1) < 0.1

    return check


def with_torch(call) -> dict:
    try:
        import torch  # noqa: F401
    except ImportError:
        return {}
    return {"torch.multinomial": call}


def ours(probs, starts: np.ndarray, **options) -> dict:
    def sample(**more):
        return kernels.sample_sequences(probs, starts, seed=1, **options, **more)

    return {"bigram": sample, "bigram, 1 thread": lambda: sample(num_threads=1)}


def test_names(duel, size, names):
    n = size(100_000, 100_000, 500)
    starts = np.zeros(n, np.uint8)
    contenders = {
        **ours(names, starts, max_length=100, stop=0),
        "numpy searchsorted": lambda: inverse_cdf(names, starts, 100, 0),
        **with_torch(lambda: torch_steps(names, starts, 100, 0)),
    }
    wanted = n * 6.1  # letters of a name: 196,113 of 32,033 names
    check = near(wanted) if n > 1000 else (lambda name, answer: None)
    duel(
        f"sample {n} names",
        contenders,
        check=check,
        work=wanted,
        unit="tokens",
        goals=[Goal(20, "numpy searchsorted")],
    )


def test_one_name_after_the_other(duel, size, names):
    n = size(1000, 300, 5)
    starts = np.zeros(n, np.uint8)

    def one_by_one():
        for seed in range(n):
            kernels.sample_sequences(names, starts[:1], max_length=1000, stop=0, seed=seed)
        return n * 6

    contenders = {
        "bigram": one_by_one,
        **with_torch(lambda: lecture_loop(names, starts, 0)),
        "numpy searchsorted": lambda: [inverse_cdf(names, starts[:1], 99, 0) for _ in range(n)],
    }
    duel(
        f"{n} names, one a call",
        contenders,
        check=lambda name, answer: None,
        work=n * 6.1,
        unit="tokens",
    )


@pytest.mark.parametrize("vocab_size", [27, 65, 256])
def test_chains(duel, size, vocab_size):
    n, length = size(100_000, 20_000, 200), 200
    probs = np.random.default_rng(0).random((vocab_size, vocab_size))
    starts = np.zeros(n, np.uint8)
    contenders = {
        **ours(probs, starts, max_length=length),
        "numpy searchsorted": lambda: inverse_cdf(probs, starts, length, None),
    }
    duel(
        f"{n} chains of {length}, V = {vocab_size}",
        contenders,
        check=near(n * length),
        work=n * length,
        unit="tokens",
        limit=lambda machine: n * length / machine.fault,
        goals=[Goal(rate=1.5e9)] if vocab_size < 100 else [],
    )


@pytest.mark.parametrize("prepared", [False, True])
def test_chains_of_a_large_vocabulary(duel, size, prepared):
    vocab_size, n, length = size(4096, 4096, 300), size(100_000, 20_000, 50), size(1000, 400, 400)
    probs = np.random.default_rng(0).random((vocab_size, vocab_size)) ** 4
    starts = np.zeros(n, np.uint16)
    table = kernels.prepare_sampler(probs) if prepared else probs
    work = f"{n} chains of {length}, V = {vocab_size}{', prepared' if prepared else ''}"
    contenders = {
        **ours(table, starts, max_length=length),
        "numpy searchsorted": lambda: inverse_cdf(probs, starts[: n // 50], length, None) * 50,
    }
    duel(
        f"{work} (numpy: 2 % of the work)",
        contenders,
        check=near(n * length),
        work=n * length,
        unit="tokens",
        goals=[Goal(rate=150e6)],
    )


def zipf_table(vocab_size: int, tokens: int) -> bigram.BackoffTable:
    rng = np.random.default_rng(0)
    ids = np.minimum(rng.zipf(1.2, tokens) - 1, vocab_size - 1).astype(np.uint16)
    shape = (vocab_size, vocab_size)
    counts = scipy.sparse.coo_array((np.ones(tokens - 1, np.int64), (ids[:-1], ids[1:])), shape)
    return bigram.KneserNey(0.75).table(bigram.BigramCounts(counts.tocsr()))


def test_backoff_table(duel, size):
    vocab_size, n, length = size(50_257, 50_257, 300), size(100_000, 20_000, 50), 100
    table = zipf_table(vocab_size, size(20_000_000, 2_000_000, 3000))
    starts = np.zeros(n, np.uint16)

    def sample(**more):
        return table.sample_sequences(starts, max_length=length, seed=1, **more)

    duel(
        f"{n} chains of {length}, V = {vocab_size}, Kneser-Ney of {table.num_pairs} pairs",
        {"bigram": sample, "bigram, 1 thread": lambda: sample(num_threads=1)},
        check=near(n * length),
        work=n * length,
        unit="tokens",
        goals=[Goal(rate=70e6)],
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_multinomial(duel, size, dtype):
    n = size(1_000_000, 100_000, 500)
    probs = np.random.default_rng(0).random((n, 27)).astype(dtype)

    def numpy_best():
        sums = probs.cumsum(axis=1)
        return (sums < np.random.default_rng(0).random((n, 1)) * sums[:, -1:]).sum(axis=1)

    contenders = {
        "bigram": lambda: kernels.multinomial(probs, 1, seed=0),
        "bigram, 1 thread": lambda: kernels.multinomial(probs, 1, seed=0, num_threads=1),
        "numpy": numpy_best,
    }
    try:
        import torch

        rows = torch.from_numpy(probs)
        contenders["torch.multinomial"] = lambda: torch.multinomial(rows, 1, replacement=True)
    except ImportError:
        pass

    def check(_: str, answer) -> None:
        assert abs(np.asarray(answer).mean() - 13) < (0.1 if n > 1000 else 2)

    duel(
        f"multinomial {n} x 27, {np.dtype(dtype)}",
        contenders,
        check=check,
        work=n,
        unit="draws",
        limit=lambda machine: probs.nbytes / machine.read + 8 * n / machine.fault,
        goals=[Goal(50, "torch.multinomial")],
    )
