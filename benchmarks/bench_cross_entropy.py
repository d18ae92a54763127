"""Softmax cross-entropy with its gradient, forward and backward: us, NumPy, torch, its compiler.

Ours writes into a warm array, as a training loop keeps it; torch's backward makes a fresh gradient,
which is the only form it has. Then the drop-in for torch, fresh gradient against fresh gradient;
the gradient from counts; the gradient of a minibatch of an embedding's rows.
"""

from collections.abc import Callable

import numpy as np
import pytest
from goals import Goal

from bigram import kernels, reference

TORCH_THREADS = 2
Contender = Callable[[], tuple[float, np.ndarray]]


def torch_contenders(logits: np.ndarray, targets: np.ndarray) -> dict[str, Contender]:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(TORCH_THREADS)
    x = torch.tensor(logits, requires_grad=True)
    y = torch.from_numpy(targets)

    def both_ways(function: Callable) -> Contender:
        def run() -> tuple[float, np.ndarray]:
            x.grad = None
            loss = function(x, y)
            loss.backward()
            return loss.item(), x.grad.numpy()

        return run

    eager = torch.nn.functional.cross_entropy
    compiled = torch.compile(lambda a, b: eager(a, b), dynamic=False)  # noqa: PLW0108
    return {"torch": both_ways(eager), "torch.compile": both_ways(compiled)}


def close_to(wanted: tuple[float, np.ndarray]) -> Callable[[str, tuple], None]:
    def check(name: str, answer: tuple) -> None:
        ours = name.startswith("bigram")
        np.testing.assert_allclose(answer[0], wanted[0], rtol=1e-6 if ours else 1e-4)
        atol = (1e-6 if ours else 1e-4) * np.abs(wanted[1]).max()
        np.testing.assert_allclose(answer[1], wanted[1], rtol=0, atol=atol)

    return check


def examples(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((rows, classes), dtype=np.float32)
    return logits, rng.integers(0, classes, rows)


@pytest.mark.parametrize(
    ("shape", "quick_rows", "target"),
    [
        ((256, 65), 256, 4.0),
        ((228_146, 27), 228_146, 5.0),
        ((4096, 4096), 1024, 8.0),
        ((4096, 50_257), 256, 6.0),
    ],
)
def test_forward_and_backward(duel, size, level, shape, quick_rows, target):
    rows = size(shape[0], quick_rows, 16)
    logits, targets = examples(rows, shape[1])
    out = np.zeros_like(logits)
    wanted = kernels.softmax_cross_entropy_grad(logits.astype(np.float64), targets)
    contenders = {
        "bigram": lambda: kernels.softmax_cross_entropy_grad(logits, targets, out=out),
        "bigram, 1 thread": lambda: kernels.softmax_cross_entropy_grad(
            logits, targets, out=out, num_threads=1
        ),
        **(torch_contenders(logits, targets) if level != "smoke" else {}),
    }
    if logits.size < 1 << 25:  # it takes seconds beyond
        contenders["numpy"] = lambda: reference.softmax_cross_entropy_grad(logits, targets)
    duel(
        f"softmax_cross_entropy_grad {logits.shape} float32, warm out",
        contenders,
        check=close_to(wanted),
        work=logits.size,
        unit="logits",
        limit=lambda m: 2 * logits.nbytes / m.copy,
        goals=[Goal(target, "torch.compile")],
    )


@pytest.mark.parametrize(("shape", "target"), [((32, 65), 1.0), ((4096, 4096), 4.0)])
def test_drop_in_for_torch(duel, size, shape, target):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(TORCH_THREADS)
    from bigram.integrations.torch import cross_entropy

    rows = size(shape[0], min(shape[0], 1024), 16)
    logits, targets = examples(rows, shape[1])
    x, y = torch.tensor(logits, requires_grad=True), torch.from_numpy(targets)

    def both_ways(function: Callable) -> Contender:
        def run() -> tuple[float, np.ndarray]:
            x.grad = None
            loss = function(x, y)
            loss.backward()
            return loss.item(), x.grad.numpy()

        return run

    duel(
        f"F.cross_entropy, forward and backward, {logits.shape} float32",
        {"bigram": both_ways(cross_entropy), "torch": both_ways(torch.nn.functional.cross_entropy)},
        check=lambda name, answer: close_to(reference.softmax_cross_entropy_grad(logits, targets))(
            "torch", answer
        ),
        work=logits.size,
        unit="logits",
        goals=[Goal(target, "torch")],
    )


def test_gradient_from_counts(duel, size):
    v = size(4096, 2048, 64)
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((v, v), dtype=np.float32)
    counts = rng.poisson(0.5, (v, v))
    total = int(counts.sum())
    out = np.zeros_like(weight)
    contenders = {
        "bigram": lambda: kernels.count_cross_entropy_grad(weight, counts, total=total, out=out),
        "bigram, 1 thread": lambda: kernels.count_cross_entropy_grad(
            weight, counts, total=total, out=out, num_threads=1
        ),
        "numpy": lambda: reference.count_cross_entropy_grad(weight, counts),
    }
    duel(
        f"count_cross_entropy_grad {weight.shape} float32",
        contenders,
        check=close_to(reference.count_cross_entropy_grad(weight, counts)),
        work=weight.size,
        unit="weights",
        limit=lambda m: (weight.nbytes + counts.nbytes) / m.read + weight.nbytes / m.copy,
    )


@pytest.mark.parametrize("vocab", [65, 50_257])
def test_minibatch_of_an_embedding(duel, size, vocab):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(TORCH_THREADS)
    v, n = min(vocab, size(vocab, 8192, 64)), 256
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((v, v), dtype=np.float32)
    contexts, targets = (rng.zipf(1.3, (2, n)) - 1) % v
    sparse = vocab > 1000
    table = torch.nn.Embedding(v, v, sparse=sparse, _weight=torch.tensor(weight))
    x, y = torch.from_numpy(contexts), torch.from_numpy(targets)

    def ours() -> tuple[float, np.ndarray]:
        answer = kernels.embedding_cross_entropy_grad(weight, contexts, targets, sparse=sparse)
        return answer[0], answer[-1]

    def torchs() -> tuple[float, np.ndarray]:
        table.weight.grad = None
        loss = torch.nn.functional.cross_entropy(table(x), y)
        loss.backward()
        grad = table.weight.grad
        return loss.item(), grad.coalesce().values().numpy() if sparse else grad.numpy()

    duel(
        f"embedding_cross_entropy_grad, {n} examples, V = {v}{', sparse' if sparse else ''}",
        {"bigram": ours, "torch": torchs},
        check=close_to((ours()[0], ours()[1])),
        work=n,
        unit="examples",
    )
