"""Steps of AdamW and of gradient descent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

SIZES = st.sampled_from([0, 1, 7, 16, 33, 1000, 40_000])
DTYPES = st.sampled_from([np.float32, np.float64])


def tolerances(dtype):
    return {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-13}


@given(size=SIZES, dtype=DTYPES, threads=st.sampled_from([1, 2, 3, 7]), seed=st.integers(0, 99))
def test_adamw_equals_the_twin(size, dtype, threads, seed):
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal(size).astype(dtype)
    m, v = np.zeros(size, dtype), np.zeros(size, dtype)
    twin = [a.astype(np.float64) for a in (weight, m, v)]
    options = {"learning_rate": 0.01, "betas": (0.9, 0.99), "eps": 1e-6, "weight_decay": 0.1}
    for step in range(1, 6):
        grad = rng.standard_normal(size).astype(dtype)
        kernels.adamw_update(weight, grad, m, v, step, num_threads=threads, **options)
        reference.adamw_update(twin[0], grad, twin[1], twin[2], step, **options)
    for got, wanted in zip((weight, m, v), twin, strict=True):
        np.testing.assert_allclose(got, wanted, **tolerances(dtype))


@given(
    size=SIZES,
    dtype=DTYPES,
    threads=st.sampled_from([1, 2, 3, 7]),
    momentum=st.sampled_from([None, 0.0, 0.9]),
    nesterov=st.booleans(),
    decay=st.sampled_from([0.0, 0.1]),
)
def test_sgd_equals_the_twin(size, dtype, threads, momentum, nesterov, decay):
    rng = np.random.default_rng(size)
    weight = rng.standard_normal(size).astype(dtype)
    twin = weight.astype(np.float64)
    velocity = twin_velocity = None
    options = {"learning_rate": 0.5, "weight_decay": decay}
    if momentum is not None:
        velocity, twin_velocity = np.zeros_like(weight), np.zeros_like(twin)
        options |= {"momentum": momentum, "nesterov": nesterov}
    for _ in range(5):
        grad = rng.standard_normal(size).astype(dtype)
        kernels.sgd_update(weight, grad, velocity, num_threads=threads, **options)
        reference.sgd_update(twin, grad, twin_velocity, **options)
    np.testing.assert_allclose(weight, twin, **tolerances(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("AdamW", {}),
        ("AdamW", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.3}),
        ("SGD", {"lr": 50.0}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ],
)
def test_steps_are_those_of_torch(name, options, dtype, isa):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((5, 7)).astype(dtype)
    tensor = torch.tensor(weight, requires_grad=True)
    optimizer = getattr(torch.optim, name)([tensor], **options)
    options = {{"lr": "learning_rate"}.get(key, key): value for key, value in options.items()}
    m, v = np.zeros_like(weight), np.zeros_like(weight)
    velocity = np.zeros_like(weight) if "momentum" in options else None
    for step in range(1, 30):
        grad = rng.standard_normal(weight.shape).astype(dtype)
        tensor.grad = torch.tensor(grad)
        optimizer.step()
        if name == "AdamW":
            kernels.adamw_update(weight, grad, m, v, step, **options)
        else:
            kernels.sgd_update(weight, grad, velocity, **options)
    rtol = 2e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(weight, tensor.detach().numpy(), rtol=rtol, atol=rtol / 10)


def arrays():
    return {name: np.zeros((2, 3), np.float32) for name in ("weight", "grad", "m", "v")}


def read_only():
    array = np.zeros((2, 3), np.float32)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"weight": [0.0]}, TypeError, "weight is list, wanted a C-contiguous array"),
        ({"weight": np.zeros((2, 3), int)}, TypeError, "weight has dtype int64, wanted"),
        ({"weight": np.zeros((3, 2), np.float32).T}, TypeError, "weight .*, wanted a C-contiguous"),
        ({"weight": read_only()}, ValueError, "weight is read-only"),
        ({"grad": np.zeros((2, 3))}, TypeError, "grad has dtype float64, wanted .* float32"),
        ({"grad": np.zeros((3, 2), np.float32)}, ValueError, r"grad has shape \(3, 2\)"),
        ({"m": read_only()}, ValueError, "m is read-only"),
        ({"v": np.zeros(6, np.float32)}, ValueError, r"v has shape \(6,\)"),
        ({"step": 0}, ValueError, "step = 0 is outside"),
        ({"step": 1.5}, TypeError, "step is [a-z]+, wanted an integer"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate = -1.0"),
        ({"eps": float("nan")}, ValueError, "eps = nan"),
        ({"betas": (0.9, 1.0)}, ValueError, r"betas = \(0.9, 1.0\), wanted"),
        ({"num_threads": 0}, ValueError, "num_threads = 0"),
    ],
)
def test_bad_arguments_of_adamw_are_named(changes, error, message):
    arguments = arrays() | {"step": 1} | changes
    with pytest.raises(error, match=message):
        kernels.adamw_update(**arguments)


@pytest.mark.parametrize(("one", "other"), [("weight", "m"), ("weight", "grad"), ("m", "v")])
def test_arrays_that_overlap_are_refused(one, other):
    arguments = arrays() | {"step": 1}
    arguments[other] = arguments[one]
    with pytest.raises(ValueError, match="overlaps"):
        kernels.adamw_update(**arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -1.0}, "learning_rate = -1.0"),
        ({"learning_rate": 1.0, "momentum": 0.9}, "momentum needs a velocity"),
        ({"learning_rate": 1.0, "weight_decay": -0.1}, "wanted numbers >= 0"),
    ],
)
def test_bad_arguments_of_sgd_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        kernels.sgd_update(np.zeros(3), np.zeros(3), **options)


def test_the_raw_extension_refuses_what_it_cannot_read():
    a, b, c, d = (np.zeros(4) for _ in range(4))
    for arguments in [(a, b[:3], c, d), (a, b, c, d[:3]), (a, b, c, c), (a, a, c, d)]:
        with pytest.raises((TypeError, ValueError)):
            _core.adamw_update(*arguments, 1, 0.1, 0.9, 0.9, 1e-8, 0.0, 1)
    for arguments in [(a, b[:3], None), (a, b, a), (a, b.astype(np.float32), None)]:
        with pytest.raises((TypeError, ValueError)):
            _core.sgd_update(*arguments, 0.1, 0.0, False, 0.0, 1)
