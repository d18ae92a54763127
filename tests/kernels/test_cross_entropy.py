"""Softmax cross-entropy and its gradient."""

import json

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

LEVELS = ["baseline", "avx2", "avx512"]
INF, NAN = np.inf, np.nan


@st.composite
def problems(draw, max_rows=40, max_classes=90):
    n, classes = draw(st.integers(0, max_rows)), draw(st.integers(1, max_classes))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scale = draw(st.sampled_from([1.0, 10.0, 100.0, 1e4]))
    logits = (rng.standard_normal((n, classes)) * scale).astype(dtype)
    logits = draw(st.sampled_from(LAYOUTS))(logits)
    logits.flags.writeable = False
    targets = rng.integers(0, classes, n).astype(draw(st.sampled_from([np.int32, np.int64])))
    options = {"reduction": draw(st.sampled_from(["mean", "sum", "none"]))}
    if draw(st.booleans()):
        options["weight"] = rng.random(classes).astype(dtype)
    if draw(st.booleans()):
        options["label_smoothing"] = draw(st.sampled_from([0.1, 0.5, 1.0]))
    if draw(st.booleans()) and n:
        options["ignore_index"] = draw(st.sampled_from([-100, -1, 0]))
        targets[rng.random(n) < 0.3] = options["ignore_index"]
    return logits, draw(st.sampled_from([np.array, spaced]))(targets), options


def spaced(array):
    """Return the elements of an array of one or two dimensions with a stride of two."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


LAYOUTS = [
    np.array,
    spaced,
    np.asfortranarray,
    lambda a: a[::-1].copy()[::-1],
    lambda a: a.astype(a.dtype.newbyteorder(">")),
]


def assert_close(got, wanted, logits):
    """Compare float64 to 1e-12 and float32 to 1e-6, of the largest term where sums cancel."""
    rtol = 1e-6 if logits.dtype.itemsize == 4 else 1e-12
    loss, grad = got
    np.testing.assert_allclose(loss, wanted[0], rtol=rtol, atol=rtol)
    atol = rtol * np.abs(wanted[1]).max(initial=0.0, where=np.isfinite(wanted[1]))
    np.testing.assert_allclose(grad, wanted[1], rtol=rtol, atol=atol)


@given(problem=problems(), threads=st.sampled_from([1, 2, 3, 7]), level=st.sampled_from(LEVELS))
def test_loss_and_gradient_equal_the_twin(use_isa, problem, threads, level):
    logits, targets, options = problem
    with use_isa(level):
        got = kernels.softmax_cross_entropy_grad(logits, targets, num_threads=threads, **options)
        loss = kernels.softmax_cross_entropy(logits, targets, num_threads=threads, **options)
    assert got[1].dtype == logits.dtype.newbyteorder("=")
    np.testing.assert_array_equal(loss, got[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        assert_close(got, reference.softmax_cross_entropy_grad(logits, targets, **options), logits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [1, 2, 15, 16, 17, 27, 65, 511, 512, 513, 5000, 50257])
def test_every_element_is_as_exact_as_its_dtype(classes, dtype, isa):
    """To 1e-6 (float32) or 1e-12 (float64) of itself, however small, at any offset."""
    rng = np.random.default_rng(classes)
    n = 5 if classes > 1000 else 40
    targets = rng.integers(0, classes, n)
    for scale, offset in [(1, 0), (20, 0), (3, 1000), (3, -1000)]:
        logits = (rng.standard_normal((n, classes)) * scale + offset).astype(dtype)
        loss, grad = kernels.softmax_cross_entropy_grad(logits, targets)
        wanted_loss, wanted = reference.softmax_cross_entropy_grad(logits, targets)
        rtol = 1e-6 if dtype is np.float32 else 1e-12
        np.testing.assert_allclose(loss, wanted_loss, rtol=rtol)
        # The float64 twin rounds p - 1 to 1e-16 where p is near one.
        np.testing.assert_allclose(grad, wanted, rtol=rtol, atol=1e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_near_certain_prediction_does_not_cancel(dtype, isa):
    gap = 30.0
    logits = np.array([[gap, 0.0, 0.0]], dtype)
    loss, grad = kernels.softmax_cross_entropy_grad(logits, np.array([0]))
    rest = 2 * np.exp(-gap)
    np.testing.assert_allclose(loss, np.log1p(rest), rtol=1e-6)
    np.testing.assert_allclose(grad, [[-rest, rest / 2, rest / 2]], rtol=1e-6)


@given(problem=problems())
def test_same_bits_for_any_number_of_threads(problem):
    logits, targets, options = problem
    logits = np.tile(logits, (1, 40))
    options.pop("weight", None)
    wanted = kernels.softmax_cross_entropy_grad(logits, targets, num_threads=1, **options)
    for threads in (2, 3, 7):
        got = kernels.softmax_cross_entropy_grad(logits, targets, num_threads=threads, **options)
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(a, b)


VIEWS = [
    lambda a: a[::-1],
    lambda a: a[:, ::-1],
    lambda a: a[::2, ::3],
    lambda a: a[:, 5:60],
    lambda a: a.T,
    np.asfortranarray,
    lambda a: np.broadcast_to(a[:1], a.shape),
    lambda a: a.astype(a.dtype.newbyteorder(">")),
    lambda a: np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strides_give_the_same_bits(view, dtype, isa):
    base = np.random.default_rng(0).standard_normal((70, 70)).astype(dtype)
    logits = view(base)
    if logits.flags.writeable:
        logits.flags.writeable = False
    targets = np.arange(2 * len(logits), dtype=np.int32)[::-2] % logits.shape[1]
    plain = np.array(logits, dtype, order="C")
    wanted = kernels.softmax_cross_entropy_grad(plain, targets.astype(np.int64))
    got = kernels.softmax_cross_entropy_grad(logits, targets)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


SHAPES = [(300, 27), (5, 3), (3, 4096), (2, 9001)]
STREAMED = [(160_001, 27), (1030, 4099), (90, 50_257)]  # too large for a cache, so written past it


@pytest.mark.parametrize("shape", SHAPES + STREAMED)
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
def test_in_place_gives_the_same_bits(shape, options, isa):
    logits = np.random.default_rng(0).standard_normal(shape, np.float32)
    targets = np.arange(shape[0]) % shape[1]
    targets[1::3] = -100
    loss, grad = kernels.softmax_cross_entropy_grad(logits, targets, **options)
    padded = np.zeros((shape[0], shape[1] + 3), np.float32)
    shifted = np.full(logits.size + 1, 9, np.float32)[1:].reshape(shape)
    for threads, out in ((1, np.full_like(logits, 9)), (7, shifted), (2, padded[:, 1:-2])):
        got_loss, got = kernels.softmax_cross_entropy_grad(
            logits, targets, out=out, num_threads=threads, **options
        )
        assert got is out
        assert got_loss == loss
        np.testing.assert_array_equal(got, grad)
    assert not padded[:, 0].any()
    assert not padded[:, -2:].any()
    rows = padded[:, 1:-2]
    rows[:] = logits
    assert kernels.softmax_cross_entropy_grad(rows, targets, out=rows, **options) == (loss, rows)
    np.testing.assert_array_equal(rows, grad)
    assert kernels.softmax_cross_entropy_grad(logits, targets, out=logits, **options)[1] is logits
    np.testing.assert_array_equal(logits, grad)


def test_loss_and_gradient_are_those_that_torch_wrote(reference_folder, isa):
    golden = json.loads((reference_folder / "torch_golden.json").read_text())
    for case in golden["cross_entropy_float64"]:
        options = dict(case["options"])
        if options.get("weight") is not None:
            options["weight"] = np.array(options["weight"])
        logits, targets = np.array(case["logits"]), np.array(case["targets"])
        loss, grad = kernels.softmax_cross_entropy_grad(logits, targets, **options)
        np.testing.assert_allclose(loss, case["loss"], rtol=0, atol=1e-7)
        np.testing.assert_allclose(grad, case["grad_of_sum"], rtol=0, atol=1e-7)


TORCH_CASES = [
    ([[NAN, 1], [1, 2]], [1, 1], {}),
    ([[NAN, 1], [1, 2]], [-100, 1], {}),
    ([[INF, 1], [1, 2]], [-100, 1], {}),
    ([[NAN, 1], [1, 2]], [-100, -100], {}),
    ([[3, 1], [1, 2]], [-100, -100], {}),
    ([[3, 1], [1, 2]], [-100, -100], {"label_smoothing": 0.1, "weight": [1, 2]}),
    ([[3, 1], [1, 2]], [0, 0], {"weight": [0, 1]}),
    ([[3, 1], [1, 2]], [0, 0], {"weight": [0, 1], "reduction": "sum"}),
    ([[-INF, 1], [1, 2]], [0, 0], {"weight": [0, 1], "reduction": "sum"}),
    ([[3, 1], [1, 2]], [0, 0], {"weight": [0, 1], "label_smoothing": 0.1}),
    ([[-INF, 1], [1, 2]], [1, 0], {"weight": [0, 1], "label_smoothing": 0.1}),
    ([[-INF, 1], [1, 2]], [1, 0], {"label_smoothing": 0.1}),
    ([[-INF, -INF], [INF, INF], [INF, 1]], [1, 0, 1], {"reduction": "none"}),
    ([[-INF, 0, 1]], [0], {"reduction": "none"}),
    ([[-INF, 0, 1]], [2], {"reduction": "none"}),
    ([[1e30, 1e30, 0], [1e30, -1e30, 0], [1e30, -1e30, 0]], [0, 1, 0], {"reduction": "none"}),
    ([[-1e30, -1e30, -2e30]], [0], {}),
    ([[1, 2], [3, 4]], [0, 1], {"weight": [2, -3]}),
    ([[1, 2], [3, 4]], [0, 1], {"ignore_index": 1, "weight": [2, 3]}),
    (np.zeros((0, 3)), [], {}),
    (np.zeros((0, 3)), [], {"reduction": "sum"}),
    (np.zeros((0, 3)), [], {"reduction": "none"}),
    (np.zeros((2, 0)), [-100, -100], {}),
    ([[5], [-3]], [0, 0], {}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("logits", "targets", "options"), TORCH_CASES)
def test_extreme_logits_give_what_torch_gives(logits, targets, options, dtype, isa):
    torch = pytest.importorskip("torch")
    logits, targets = np.array(logits, dtype), np.array(targets, np.int64)
    weight = np.array(options["weight"], dtype) if "weight" in options else None
    options = {key: value for key, value in options.items() if key != "weight"}
    tensor = torch.tensor(logits, requires_grad=True)
    torch_weight = None if weight is None else torch.tensor(weight)
    wanted = torch.nn.functional.cross_entropy(
        tensor, torch.tensor(targets), torch_weight, **options
    )
    wanted.sum().backward()
    loss, grad = kernels.softmax_cross_entropy_grad(logits, targets, weight=weight, **options)
    rtol = 3e-6 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(loss, wanted.detach().numpy(), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(grad, tensor.grad.numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}, {"reduction": "sum"}])
def test_the_gradient_agrees_with_finite_differences(options):
    rng = np.random.default_rng(1)
    logits, targets = rng.standard_normal((4, 7)), np.array([0, 6, -100, 3])
    weight = rng.random(7)
    run = lambda x: kernels.softmax_cross_entropy(x, targets, weight=weight, **options)  # noqa: E731
    grad = kernels.softmax_cross_entropy_grad(logits, targets, weight=weight, **options)[1]
    for place in np.ndindex(logits.shape):
        step = np.zeros_like(logits)
        step[place] = 1e-5
        slope = (run(logits + step) - run(logits - step)) / 2e-5
        np.testing.assert_allclose(grad[place], slope, rtol=1e-6, atol=1e-9)


def test_the_loss_of_many_rows_is_summed_in_float64():
    logits = np.zeros((300_000, 3), np.float32)
    loss = kernels.softmax_cross_entropy(logits, np.zeros(300_000, np.int32), reduction="sum")
    np.testing.assert_allclose(loss, 300_000 * np.log(3), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.uint32, np.uint64, ">i4"])
def test_targets_may_be_any_integers(dtype):
    logits = np.random.default_rng(0).standard_normal((6, 9))
    targets = np.arange(6)
    wanted = kernels.softmax_cross_entropy(logits, targets)
    assert kernels.softmax_cross_entropy(logits, targets.astype(dtype)) == wanted


X, Y = np.zeros((3, 4)), np.array([0, 1, 2])


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


OVERLAPPING = np.zeros(16)


@pytest.mark.parametrize(
    ("logits", "targets", "options", "error", "message"),
    [
        ([[0.0]], Y, {}, TypeError, "logits is list, wanted a NumPy array"),
        (np.zeros(3), Y, {}, ValueError, r"logits has shape \(3,\), wanted two dimensions"),
        (X.astype(int), Y, {}, TypeError, "logits has dtype int64, wanted float32 or float64"),
        (X.astype(np.float16), Y, {}, TypeError, "logits has dtype float16"),
        (X, [0, 1, 2], {}, TypeError, "targets is list, wanted a NumPy array"),
        (X, Y[:2], {}, ValueError, r"targets has shape \(2,\), wanted \(3,\)"),
        (X, Y[:, None], {}, ValueError, r"targets has shape \(3, 1\)"),
        (X, Y.astype(float), {}, TypeError, "targets has dtype float64, wanted int32 or int64"),
        (X, Y == 1, {}, TypeError, "targets has dtype bool"),
        (X, np.array([0, 4, 9]), {}, ValueError, r"targets\[1\] = 4 is outside \[0, 4\)"),
        (X, np.array([0, 1, -1]), {}, ValueError, r"targets\[2\] = -1 is outside \[0, 4\)"),
        (X, np.array([0, 1, 2**63], np.uint64), {}, ValueError, "wanted at most"),
        (X, Y, {"weight": [1.0] * 4}, TypeError, "weight is list, wanted a NumPy array"),
        (X, Y, {"weight": np.ones(4, int)}, TypeError, "weight has dtype int64"),
        (X, Y, {"weight": np.ones(3)}, ValueError, r"weight has shape \(3,\), wanted \(4,\)"),
        (X, Y, {"label_smoothing": 1.5}, ValueError, "label_smoothing = 1.5, wanted"),
        (X, Y, {"label_smoothing": NAN}, ValueError, "label_smoothing = nan, wanted"),
        (X, Y, {"reduction": "max"}, ValueError, "reduction = 'max', wanted 'mean'"),
        (X, Y, {"ignore_index": 1.5}, TypeError, "ignore_index is [a-z]+, wanted an integer"),
        (X, Y, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
        (X, Y, {"out": [[0.0]]}, TypeError, "out is list, wanted a NumPy array"),
        (X, Y, {"out": X.astype(np.float32)}, TypeError, "out has dtype float32, wanted float64"),
        (X, Y, {"out": np.zeros((3, 5))}, ValueError, r"out has shape \(3, 5\), wanted \(3, 4\)"),
        (X, Y, {"out": read_only(X)}, ValueError, "out is read-only"),
        (X, Y, {"out": np.zeros((4, 3)).T}, ValueError, "the rows of out are not contiguous"),
        (X, np.zeros(3, np.int64), {"out": "targets"}, ValueError, "out overlaps targets"),
        (
            OVERLAPPING[:12].reshape(3, 4),
            Y,
            {"out": OVERLAPPING[2:14].reshape(3, 4)},
            ValueError,
            "out overlaps logits in memory",
        ),
    ],
)
def test_bad_arguments_are_named(logits, targets, options, error, message):
    if isinstance(options.get("out"), str):
        memory = np.zeros((3, 4))
        options, targets = {"out": memory}, memory.reshape(-1).view(np.int64)[:3]
    with pytest.raises(error, match=message):
        kernels.softmax_cross_entropy_grad(logits, targets, **options)


def test_nothing_is_written_for_a_bad_target():
    logits = np.ones((300, 100))
    targets = np.zeros(300, int)
    targets[299] = 100
    with pytest.raises(ValueError, match=r"targets\[299\] = 100"):
        kernels.softmax_cross_entropy_grad(logits, targets, out=logits)
    np.testing.assert_array_equal(logits, 1.0)


@pytest.mark.parametrize(
    "arguments",
    [
        (None, None, X, Y[:2], None, -100, 0.0, 1),
        (None, np.zeros((3, 3)), X, Y, None, -100, 0.0, 1),
        (None, X[:, ::2], X[:, ::2], Y, None, -100, 0.0, 1),
        (None, read_only(X), X, Y, None, -100, 0.0, 1),
        (None, np.lib.stride_tricks.as_strided(np.zeros(9), (3, 4), (8, 8)), X, Y, None, 0, 0.0, 1),
        (None, None, X.astype(">f8"), Y, None, -100, 0.0, 1),
        (None, None, X, Y.astype(np.uint8), None, -100, 0.0, 1),
        (None, None, X, Y, np.ones(3), -100, 0.0, 1),
        (None, None, X, Y, np.ones(4, np.float32), -100, 0.0, 1),
        (None, None, X, Y, None, -100, NAN, 1),
        (np.zeros(2), None, X, Y, None, -100, 0.0, 1),
        (np.zeros(3, np.float32), None, X, Y, None, -100, 0.0, 1),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(arguments):
    with pytest.raises((TypeError, ValueError)):
        _core.softmax_cross_entropy(*arguments)


@given(logits=hnp.arrays(np.float32, (3, 20), elements=st.floats(width=32)))
def test_logits_of_any_bits_do_not_crash(logits):
    grad = kernels.softmax_cross_entropy_grad(logits, np.array([0, 5, 19]))[1]
    bad = ~np.isfinite(logits.max(axis=1)) | np.isnan(logits).any(axis=1)
    np.testing.assert_array_equal(np.isnan(grad).any(axis=1), bad)
