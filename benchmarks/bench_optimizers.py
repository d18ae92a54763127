"""Optimizer steps in place: us, NumPy, and torch's optimizers with one parameter."""

import numpy as np
import pytest

from bigram import kernels, reference

RATE = 1e-2


def state(size: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    weight, grad = rng.standard_normal((2, size), dtype=np.float32)
    return weight, grad, np.zeros_like(weight), np.zeros_like(weight)


def torch_step(name: str, size: int):
    torch = pytest.importorskip("torch")
    weight, grad, *_ = state(size)
    tensor = torch.tensor(weight, requires_grad=True)
    tensor.grad = torch.tensor(grad)
    optimizer = getattr(torch.optim, name)([tensor], lr=RATE)

    def run() -> np.ndarray:
        optimizer.step()
        return tensor.detach().numpy()

    return run


def check_first_step(wanted: np.ndarray):
    seen = set()

    def check(name: str, answer: np.ndarray) -> None:
        if name not in seen and name != "bigram, 1 thread":  # that one goes on where ours was
            np.testing.assert_allclose(answer, wanted, rtol=1e-5, atol=1e-6)
        seen.add(name)

    return check


def update(optimizers, name: str, weight, grad, m, v, step: int, **options) -> np.ndarray:
    """One step of the kernels, or of their twins."""
    if name == "AdamW":
        optimizers.adamw_update(weight, grad, m, v, step, learning_rate=RATE, **options)
    else:
        optimizers.sgd_update(weight, grad, learning_rate=RATE, **options)
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
