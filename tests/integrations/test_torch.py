"""The drop-in for `F.cross_entropy`, and weights as torch tensors."""

import subprocess
import sys

import numpy as np
import pytest

import bigram

torch = pytest.importorskip("torch")
F = torch.nn.functional

from bigram.integrations import torch as integration  # noqa: E402


@pytest.fixture(autouse=True)
def no_input_is_small(monkeypatch):
    monkeypatch.setattr(integration, "_SMALL", 0)


@pytest.fixture
def fused_calls(monkeypatch):
    """Count the calls that reach the kernel."""
    calls = []
    fused = integration._fused

    def counted(*args, **options):
        calls.append(args)
        return fused(*args, **options)

    monkeypatch.setattr(integration, "_fused", counted)
    return calls


def problem(shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    classes = shape[1] if len(shape) > 1 else shape[0]
    logits = torch.randn(shape, dtype=dtype, generator=generator, requires_grad=True)
    target = torch.randint(
        classes, shape[:1] + shape[2:] if len(shape) > 1 else (), generator=generator
    )
    return logits, target


def loss_and_grad(function, logits, target, grad_output=None, **options):
    x = logits.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    loss = function(x, target, **options)
    loss.backward(torch.ones_like(loss) if grad_output is None else grad_output)
    return loss.detach(), x.grad


def assert_same(logits, target, grad_output=None, **options):
    rtol = 1e-5 if logits.dtype == torch.float32 else 1e-12
    got = loss_and_grad(integration.cross_entropy, logits, target, grad_output, **options)
    wanted = loss_and_grad(F.cross_entropy, logits, target, grad_output, **options)
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol, equal_nan=True)


SHAPES = [(7,), (5, 7), (1, 1), (0, 3), (3, 5, 4), (2, 6, 3, 4), (2, 3, 0), (40, 1000)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"ignore_index": 1}])
def test_loss_and_gradient_are_those_of_torch(shape, dtype, reduction, options, fused_calls):
    logits, target = problem(shape, dtype)
    assert_same(logits, target, reduction=reduction, **options)
    assert len(fused_calls) == 1


@pytest.mark.parametrize("shape", [(7,), (5, 7), (3, 5, 4)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_class_weights_count_as_in_torch(shape, reduction, fused_calls):
    logits, target = problem(shape)
    weight = torch.rand(logits.shape[1] if logits.dim() > 1 else logits.shape[0])
    assert_same(logits, target, weight=weight, reduction=reduction, label_smoothing=0.2)
    assert len(fused_calls) == 1


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_gradient_is_scaled_by_that_of_the_output(reduction):
    logits, target = problem((6, 9))
    grad_output = torch.tensor(-2.5) if reduction == "mean" else torch.randn(6)
    assert_same(logits, target, grad_output, reduction=reduction)


def test_gradients_inside_a_network_are_those_of_torch():
    layer = torch.nn.Linear(5, 11)
    x, target = torch.randn(8, 5), torch.randint(11, (8,))
    grads = []
    for function in (integration.cross_entropy, F.cross_entropy):
        layer.zero_grad()
        (3 * function(layer(x), target) + layer.weight.square().mean()).backward()
        grads.append([p.grad.clone() for p in layer.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_views_are_read_without_a_copy():
    base = torch.randn(9, 20)
    target = torch.randint(7, (9,))
    assert integration._rows(base[:, 3:10]).data_ptr() == base[:, 3:10].data_ptr()
    for logits in (
        base[:, 3:10],
        base.flip(0)[:, :7],
        base[:, ::2],
        base[:7].T[:9],
        base[:1, :7].expand(9, 7),
    ):
        count = logits.shape[0]
        assert_same(logits, target[:count] % logits.shape[1])


def test_the_gradient_is_passed_to_autograd_without_a_copy(monkeypatch):
    addresses = []
    scaled = integration._scaled
    monkeypatch.setattr(
        integration,
        "_scaled",
        lambda grad, by: addresses.append(grad.data_ptr()) or scaled(grad, by),
    )
    logits, target = problem((5, 7))
    integration.cross_entropy(logits, target).backward()
    assert addresses == [logits.grad.data_ptr()]


def test_a_retained_graph_gives_its_gradient_twice():
    logits, target = problem((5, 7))
    loss = integration.cross_entropy(logits, target)
    loss.backward(retain_graph=True)
    once = logits.grad.clone()
    loss.backward(torch.tensor(3.0))
    torch.testing.assert_close(logits.grad, 4 * once)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_the_gradient_is_that_of_the_values_at_the_call():
    logits, target = problem((5, 7))
    wanted = loss_and_grad(F.cross_entropy, logits, target)[1]
    loss = integration.cross_entropy(logits, target)
    with torch.no_grad():
        logits.add_(1000 * torch.randn(5, 7))
    loss.backward()
    torch.testing.assert_close(logits.grad, wanted)


@pytest.mark.parametrize("options", [{}, {"reduction": "sum", "label_smoothing": 0.1}])
def test_second_derivatives_are_those_of_torch(options):
    logits, target = problem((4, 5), torch.float64)
    run = lambda x: integration.cross_entropy(x, target, **options)  # noqa: E731
    assert torch.autograd.gradcheck(run, logits)
    assert torch.autograd.gradgradcheck(run, logits)
    wanted = torch.autograd.functional.hessian(
        lambda x: F.cross_entropy(x, target, **options), logits
    )
    torch.testing.assert_close(torch.autograd.functional.hessian(run, logits), wanted)


def test_batched_gradients_are_those_of_torch():
    logits, target = problem((4, 5), torch.float64)
    run = lambda x: integration.cross_entropy(x, target, reduction="none")  # noqa: E731
    for vectorize in (False, True):
        got = torch.autograd.functional.jacobian(run, logits, vectorize=vectorize)
        wanted = torch.autograd.functional.jacobian(
            lambda x: F.cross_entropy(x, target, reduction="none"), logits
        )
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_no_gradient_is_computed_if_none_is_needed(mode, fused_calls):
    logits, target = problem((6, 9))
    with mode():
        loss = integration.cross_entropy(logits, target)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, F.cross_entropy(logits, target).detach())
    constant = integration.cross_entropy(logits.detach(), target)
    assert not constant.requires_grad
    assert len(fused_calls) == 2


def test_extreme_logits_give_what_torch_gives(fused_calls):
    inf, nan = torch.inf, torch.nan
    logits = torch.tensor([[1e30, -1e30, 0], [inf, inf, 0], [-inf, 0, 1], [nan, 0, 1], [-inf] * 3])
    for target in ([0, 0, 1, 0, 0], [1, 1, 0, 1, 1], [-100] * 5):
        assert_same(logits, torch.tensor(target), reduction="none")
    assert_same(torch.randn(3, 4), torch.full((3,), -100))
    assert len(fused_calls) == 4


class Subclass(torch.Tensor):
    pass


@pytest.mark.parametrize(
    ("logits", "target", "options"),
    [
        (torch.randn(4, 5), torch.softmax(torch.randn(4, 5), 1), {}),
        (torch.randn(4, 5, dtype=torch.bfloat16), torch.tensor([0, 1, 2, 3]), {}),
        (torch.randn(4, 5).as_subclass(Subclass), torch.tensor([0, 1, 2, 3]), {}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2, 3]), {"label_smoothing": -0.5}),
    ],
)
def test_calls_that_the_kernel_does_not_cover_go_to_torch(logits, target, options, fused_calls):
    got = integration.cross_entropy(logits, target, **options)
    torch.testing.assert_close(got, F.cross_entropy(logits, target, **options))
    assert not fused_calls


def test_small_inputs_go_to_torch(monkeypatch, fused_calls):
    logits, target = problem((32, 65))
    for small, calls in ((logits.numel() + 1, 0), (logits.numel(), 1)):
        monkeypatch.setattr(integration, "_SMALL", small)
        assert_same(logits, target)
        assert len(fused_calls) == calls


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # of jvp itself
def test_functorch_transforms_go_to_torch(fused_calls):
    logits, target = problem((4, 5))
    for transform in (
        lambda f: torch.func.grad(lambda x: f(x, target)),
        lambda f: torch.func.vmap(lambda x: f(x, torch.tensor(2))),
        lambda f: lambda x: torch.func.jvp(lambda y: f(y, target), (x,), (torch.ones(4, 5),))[1],
    ):
        got = transform(integration.cross_entropy)(logits.detach())
        torch.testing.assert_close(got, transform(F.cross_entropy)(logits.detach()))
    assert not fused_calls


def test_compiled_functions_go_to_torch(fused_calls):
    logits, target = problem((4, 5))
    compiled = torch.compile(integration.cross_entropy, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits, target), F.cross_entropy(logits, target))
    assert not fused_calls


@pytest.mark.parametrize(
    ("logits", "target", "options"),
    [
        (torch.randn(4, 5), torch.tensor([0, 5, 1, 2]), {}),
        (torch.randn(4, 5), torch.tensor([0, -1, 1, 2]), {}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2]), {}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2, 3], dtype=torch.int32), {}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2, 3]), {"reduction": "max"}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2, 3]), {"weight": torch.ones(4)}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2, 3]), {"weight": torch.ones(5).requires_grad_()}),
        (torch.randn(4, 5), torch.tensor([0, 1, 2, 3]), {"label_smoothing": 1.5}),
    ],
)
def test_errors_are_those_of_torch(logits, target, options):
    with pytest.raises(Exception) as wanted:
        F.cross_entropy(logits, target, **options)
    for needs_grad in (False, True):
        with pytest.raises(type(wanted.value)) as got:
            integration.cross_entropy(logits.clone().requires_grad_(needs_grad), target, **options)
        assert str(got.value) == str(wanted.value)


class BigramLanguageModel(torch.nn.Module):
    """The model of the lecture."""

    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding_table = torch.nn.Embedding(vocab_size, vocab_size)

    def forward(self, idx, targets):
        logits = self.token_embedding_table(idx)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def test_weights_move_to_and_from_the_model_of_the_lecture():
    module = BigramLanguageModel(9)
    model = bigram.NeuralModel.from_state_dict(module.state_dict())
    idx = np.arange(8).reshape(2, 4)
    targets = (idx * 5) % 9
    logits, loss = model.forward(idx, targets)
    wanted_logits, wanted_loss = module(torch.tensor(idx), torch.tensor(targets))
    np.testing.assert_array_equal(logits, wanted_logits.detach().numpy())
    assert loss == pytest.approx(wanted_loss.item(), rel=1e-6)
    other = BigramLanguageModel(9)
    other.load_state_dict(integration.state_dict(model))
    torch.testing.assert_close(other.state_dict(), module.state_dict())


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_torch_is_not_imported_by_bigram():
    assert run_python("import bigram, sys; print('torch' in sys.modules)").strip() == "False"


@pytest.mark.parametrize("order", ["torch, bigram", "bigram, torch"])
def test_both_import_orders_share_one_openmp_runtime(order):
    """One OpenMP runtime, several threads in both, and the same answer."""
    code = f"""
import {order}
import numpy as np
from bigram.integrations.torch import cross_entropy
bigram.set_num_threads(2)
torch.set_num_threads(2)
logits = torch.randn(600, 700, requires_grad=True)
target = torch.randint(700, (600,))
a = cross_entropy(logits, target)
a.backward()
b = torch.nn.functional.cross_entropy(logits, target)
assert abs(a.item() - b.item()) < 1e-5
assert bigram._core.openmp_version() == 0 or torch.get_num_threads() == 2
try:
    maps = open("/proc/self/maps").read()
    print(len({{line.split()[-1] for line in maps.splitlines() if "gomp" in line}}))
except OSError:
    print(1)
"""
    assert int(run_python(code)) <= 1


def test_an_import_without_torch_names_the_extra():
    code = """
import sys
sys.modules["torch"] = None
try:
    import bigram.integrations.torch
except ImportError as error:
    print(error)
"""
    assert 'pip install "bigram[torch]"' in run_python(code)
