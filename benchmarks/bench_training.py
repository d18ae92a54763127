"""Training: both lectures against their own torch loops and NumPy, and single optimizer steps.

Names: 100 full-batch steps on counts that are given (a network trains on them as it would on the
pairs). Shakespeare: AdamW on batches of 32 x 8, V = 65, without evaluation.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from goals import Goal

import bigram
from bigram import kernels, reference

RATE, PENALTY = 50.0, 0.01
STEP_RATE = 1e-2


@pytest.fixture(scope="module")
def data_folder() -> Path:
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("BIGRAM_DATA", root / "shared" / "data"))


@pytest.fixture(scope="module")
def names(data_folder) -> bigram.BigramCounts:
    """Return the counts of makemore's names, or those of the embedded names, seven times over."""
    path = data_folder / "names.txt"
    if path.is_file():
        return bigram.count(bigram.Corpus.lines(path))
    return bigram.count(bigram.datasets.load_names() * 7)


@pytest.fixture(scope="module")
def characters(data_folder) -> np.ndarray:
    """Return tiny Shakespeare as ids below 65, or random ones."""
    path = data_folder / "tinyshakespeare.txt"
    if not path.is_file():
        return np.random.default_rng(0).zipf(1.3, 1_000_000).clip(max=65).astype(np.uint8) - 1
    return bigram.CharTokenizer.from_texts([text := path.read_text()], boundary=None).encode(text)


def numpy_names(weight: np.ndarray, counts: np.ndarray, steps: int) -> np.ndarray:
    """Train on the counts, in float64."""
    w, losses = weight.astype(np.float64), np.empty(steps)
    rows, total = counts.sum(axis=1, keepdims=True), counts.sum()
    for step in range(steps):
        e = np.exp(w)
        probs = e / e.sum(axis=1, keepdims=True)
        losses[step] = -(counts * np.log(probs)).sum() / total + PENALTY * (w * w).mean()
        w -= RATE * ((rows * probs - counts) / total + 2 * PENALTY / w.size * w)
    return losses


def lecture_names(weight: np.ndarray, counts: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    """Train on all pairs, one-hot, as the lecture does."""
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(i) for i in np.indices(counts.shape).reshape(2, -1))
    each = torch.from_numpy(counts.ravel())
    xs, ys = x.repeat_interleave(each), y.repeat_interleave(each)

    def train() -> np.ndarray:
        w = torch.from_numpy(weight.copy()).requires_grad_()
        losses = []
        for _ in range(steps):
            xenc = torch.nn.functional.one_hot(xs, num_classes=len(weight)).float()
            e = (xenc @ w).exp()
            probs = e / e.sum(1, keepdims=True)
            loss = -probs[torch.arange(len(xs)), ys].log().mean() + PENALTY * (w**2).mean()
            w.grad = None
            loss.backward()
            w.data += -RATE * w.grad
            losses.append(loss.item())
        return np.array(losses)

    return train


def test_names(duel, names, size):
    steps = size(100, 10, 2)
    weight = bigram.NeuralModel(names.vocab_size, seed=0).weight
    expected = numpy_names(weight, names.matrix, steps)

    def ours(threads: int | None = None) -> np.ndarray:
        model = bigram.NeuralModel(names.vocab_size, weight=weight)
        return model.fit(
            names, steps=steps, learning_rate=RATE, l2=PENALTY, num_threads=threads
        ).losses

    def check(_, losses):
        np.testing.assert_allclose(losses, expected, rtol=0, atol=5e-5)

    duel(
        f"train the names lecture, {steps} full-batch steps",
        {
            "bigram": ours,
            "bigram, 1 thread": lambda: ours(1),
            "numpy, on the counts": lambda: numpy_names(weight, names.matrix, steps),
            "torch, the lecture's loop": lecture_names(weight, names.matrix, steps),
        },
        check=check,
        work=steps,
        unit="steps",
        goals=[Goal(seconds=600e-6)],
    )


def lecture_shakespeare(data: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    """Train by the loop of the lecture's script."""
    torch = pytest.importorskip("torch")
    tokens = torch.from_numpy(data.astype(np.int64))

    def train() -> np.ndarray:
        torch.manual_seed(1337)
        table = torch.nn.Embedding(65, 65)
        optimizer = torch.optim.AdamW(table.parameters(), lr=1e-2)
        losses = []
        for _ in range(steps):
            ix = torch.randint(len(tokens) - 8, (32,))
            x = torch.stack([tokens[i : i + 8] for i in ix])
            y = torch.stack([tokens[i + 1 : i + 9] for i in ix])
            loss = torch.nn.functional.cross_entropy(table(x).view(256, 65), y.view(256))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return np.array(losses)

    return train


def numpy_shakespeare(data: np.ndarray, steps: int) -> np.ndarray:
    """Train by the same steps in NumPy, gradient and AdamW by hand."""
    generator = bigram.TorchGenerator(1337)
    w = generator.randn((65, 65))
    m, v, losses = np.zeros_like(w), np.zeros_like(w), np.empty(steps)
    inside = np.arange(8)
    for step in range(1, steps + 1):
        at = (generator.randint(len(data) - 8, (32, 1)) + inside).ravel()
        x, y = data[at], data[at + 1]
        e = np.exp(w[x])
        e /= e.sum(axis=1, keepdims=True)
        losses[step - 1] = -np.log(e[np.arange(256), y]).mean()
        e[np.arange(256), y] -= 1
        grad = np.zeros_like(w)
        np.add.at(grad, x, e / 256)
        w *= 1 - 1e-2 * 0.01
        m += 0.1 * (grad - m)
        v += 0.001 * (grad * grad - v)
        w -= 1e-2 / (1 - 0.9**step) * m / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return losses


def test_shakespeare(duel, characters, size):
    steps = size(3000, 300, 5)
    expected = numpy_shakespeare(characters, steps)

    def ours(threads: int | None = None) -> np.ndarray:
        generator = bigram.TorchGenerator(1337)
        model = bigram.NeuralModel(65, seed=generator)
        return model.fit(
            characters,
            steps=steps,
            learning_rate=1e-2,
            optimizer="adamw",
            batch_size=32,
            block_size=8,
            seed=generator,
            num_threads=threads,
        ).losses

    def check(_, losses):  # the same batches: the same losses
        np.testing.assert_allclose(losses, expected, rtol=0, atol=2e-4)

    duel(
        f"train the Shakespeare lecture, {steps} steps of AdamW",
        {
            "bigram": ours,
            "bigram, 1 thread": lambda: ours(1),
            "numpy": lambda: numpy_shakespeare(characters, steps),
            "torch, the lecture's loop": lecture_shakespeare(characters, steps),
        },
        check=check,
        work=steps,
        unit="steps",
        goals=[Goal(40, "torch, the lecture's loop")],
    )


# ---- single steps


def state(size: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    weight, grad = rng.standard_normal((2, size), dtype=np.float32)
    return weight, grad, np.zeros_like(weight), np.zeros_like(weight)


def torch_step(name: str, size: int):
    torch = pytest.importorskip("torch")
    weight, grad, *_ = state(size)
    tensor = torch.tensor(weight, requires_grad=True)
    tensor.grad = torch.tensor(grad)
    optimizer = getattr(torch.optim, name)([tensor], lr=STEP_RATE)

    def run() -> np.ndarray:
        optimizer.step()
        return tensor.detach().numpy()

    return run


def check_first_step(wanted: np.ndarray):
    seen = set()

    def check(name: str, answer: np.ndarray) -> None:
        if name not in seen and name != "bigram, 1 thread":  # it continues from our last step
            np.testing.assert_allclose(answer, wanted, rtol=1e-5, atol=1e-6)
        seen.add(name)

    return check


def update(optimizers, name: str, weight, grad, m, v, step: int, **options) -> np.ndarray:
    """One step of the kernels, or of their twins."""
    if name == "AdamW":
        optimizers.adamw_update(weight, grad, m, v, step, learning_rate=STEP_RATE, **options)
    else:
        optimizers.sgd_update(weight, grad, learning_rate=STEP_RATE, **options)
    return weight


@pytest.mark.parametrize("shape", [(65, 65), (4096, 4096)])
@pytest.mark.parametrize("name", ["AdamW", "SGD"])
def test_step(duel, size, name, shape):
    count = shape[0] * size(shape[1], shape[1], 64)
    weight, grad, m, v = state(count)
    twin = [a.copy() for a in (weight, m, v)]
    step = 0

    def ours(num_threads: int | None = None) -> np.ndarray:
        nonlocal step
        step += 1
        return update(kernels, name, weight, grad, m, v, step, num_threads=num_threads)

    first, _, *moments = state(count)
    update(reference, name, first, grad, *moments, 1)
    passes = 7 if name == "AdamW" else 3
    duel(
        f"{name} step, {count:,} weights float32",
        {
            "bigram": ours,
            "bigram, 1 thread": lambda: ours(1),
            "numpy": lambda: update(reference, name, twin[0], grad, *twin[1:], 1),
            "torch": torch_step(name, count),
        },
        check=check_first_step(first),
        work=count,
        unit="weights",
        limit=lambda machine: passes * 4 * count / machine.copy,
    )
