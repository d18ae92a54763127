"""A drop-in for torch's ``F.cross_entropy`` on a CPU, and a model's weights as torch tensors.

Needs the extra ``bigram[torch]``; no other module of bigram imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigram.common.optional import needs
from bigram.kernels import softmax_cross_entropy, softmax_cross_entropy_grad

with needs("torch", extra="torch", purpose=__name__):
    import torch
    from torch.nn import functional

if TYPE_CHECKING:
    from bigram.models.neural_model import NeuralModel

__all__ = ["cross_entropy", "state_dict"]

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_SMALL = 1 << 15  # logits below which an autograd function in Python costs more than it saves
_Options = tuple[Any, int, str, float]


def cross_entropy(
    input: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Compute ``torch.nn.functional.cross_entropy``, fused with its gradient, on a CPU.

    The forward call computes loss and gradient in one pass over memory, by
    :func:`bigram.kernels.softmax_cross_entropy_grad`. No tensor is copied if classes are the last
    axis; the gradient takes as much memory as the logits. All other calls go to torch's own
    function: class probabilities as target, other dtypes and devices, subclasses, functorch
    transforms, ``torch.compile``, gradients of the gradient, and fewer than 32,768 logits, for
    which an autograd function in Python costs more than the kernel saves.

    Parameters
    ----------
    input : Tensor, shape (C,), (N, C) or (N, C, d1, ...), float32 or float64
        Logits.
    target : Tensor of int64, shape (), (N,) or (N, d1, ...)
        Classes in [0, C), or `ignore_index`.
    weight : Tensor, shape (C,), dtype of input, optional
        The weight of each class.
    ignore_index : int, default -100
        Targets of this value are ignored.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each target.
    label_smoothing : float, default 0.0
        In [0, 1].

    Returns
    -------
    Tensor
        The loss in nats: a scalar, or the shape of `target` for "none".

    Raises
    ------
    IndexError, RuntimeError, ValueError
        If torch's function raises it for the same arguments.

    Examples
    --------
    >>> import torch
    >>> from bigram.integrations.torch import cross_entropy
    >>> logits = torch.zeros(2, 65, requires_grad=True)
    >>> loss = cross_entropy(logits, torch.tensor([3, 64]))
    >>> loss
    tensor(4.1744, grad_fn=<...>)
    >>> loss.backward()
    """
    options = (weight, ignore_index, reduction, label_smoothing)
    if input.numel() >= _SMALL and _is_covered(input, target, weight, reduction, label_smoothing):
        if torch.is_grad_enabled() and input.requires_grad:
            loss: torch.Tensor = _apply(input, target, *options)
            return loss
        return _fused(input, target, options, with_grad=False)[0]
    return _torch_cross_entropy(input, target, options)


def state_dict(model: NeuralModel) -> dict[str, torch.Tensor]:
    """Return a model's weights in the form that the lecture's ``BigramLanguageModel`` loads.

    The other direction does not need torch: ``NeuralModel.from_state_dict(module.state_dict())``.

    Parameters
    ----------
    model : NeuralModel

    Returns
    -------
    dict
        ``{"token_embedding_table.weight": float32 Tensor (V, V)}``, a copy, for
        ``module.load_state_dict``.

    Examples
    --------
    >>> import bigram
    >>> from bigram.integrations.torch import state_dict
    >>> state_dict(bigram.NeuralModel(65, seed=0))["token_embedding_table.weight"].shape
    torch.Size([65, 65])
    """
    return {name: torch.tensor(array) for name, array in model.state_dict().items()}


def _torch_cross_entropy(
    input: torch.Tensor, target: torch.Tensor, options: _Options
) -> torch.Tensor:
    weight, ignore_index, reduction, label_smoothing = options
    # By position: the two None are torch's deprecated size_average and reduce.
    return functional.cross_entropy(
        input, target, weight, None, ignore_index, None, reduction, label_smoothing
    )


class _CrossEntropy(torch.autograd.Function):
    """The loss, whose gradient is computed in the forward call."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor, *options: Any) -> torch.Tensor:
        weight = options[0]
        ctx.save_for_backward(input, target, weight)
        ctx.options = options[1:]
        loss, ctx.ready = _fused(input, target, options, with_grad=True)
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> Any:
        rest = (None,) * 5
        if torch.is_grad_enabled():  # create_graph: a gradient of the gradient is wanted
            return _torch_backward(ctx, grad_outputs[0]), *rest
        # The reference is given up: autograd copies a gradient to which another one exists.
        grad, ctx.ready = ctx.ready, None
        if grad is None:  # a second call: with retain_graph, else torch raises its error
            input, target, weight = ctx.saved_tensors
            grad = _fused(input, target, (weight, *ctx.options), with_grad=True)[1]
        try:
            return _scaled(grad, grad_outputs[0]), *rest
        except RuntimeError:  # grad_output holds a batch of gradients
            return _torch_backward(ctx, grad_outputs[0]), *rest


_apply: Any = _CrossEntropy.apply


def _fused(
    input: torch.Tensor, target: torch.Tensor, options: _Options, *, with_grad: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the loss, and the gradient of its sum in the shape of input."""
    weight, ignore_index, reduction, label_smoothing = options
    arguments: Any = {
        "logits": _rows(input.detach()).numpy(),
        "targets": target.reshape(-1).numpy(),
        "weight": None if weight is None else weight.detach().numpy(),
        "ignore_index": ignore_index,
        "label_smoothing": label_smoothing,
        "reduction": reduction,
    }
    grad = None
    try:
        if with_grad:
            value, grad = softmax_cross_entropy_grad(**arguments)
        else:
            value = softmax_cross_entropy(**arguments)
    except ValueError:
        _torch_cross_entropy(input, target, options)  # raises torch's own error
        raise
    if reduction == "none":
        loss = torch.from_numpy(value).to(input.dtype).view(target.shape)
    else:
        loss = torch.scalar_tensor(value, dtype=input.dtype)
    return loss, None if grad is None else _unrows(torch.from_numpy(grad), input.shape)


def _scaled(grad: torch.Tensor, grad_output: torch.Tensor) -> torch.Tensor:
    """Multiply in place, but not by a single 1, which ``loss.backward()`` passes."""
    if not any(grad_output.stride()):
        factor = grad_output.flatten()[0].item() if grad_output.numel() else 1.0
        return grad if factor == 1.0 else grad.mul_(factor)
    return grad.mul_(grad_output.unsqueeze(1))


def _torch_backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
    input, target, weight = ctx.saved_tensors
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        x = input if create_graph else input.detach().requires_grad_()
        loss = _torch_cross_entropy(x, target, (weight, *ctx.options))
    grads: tuple[torch.Tensor, ...] = torch.autograd.grad(
        loss, x, grad_output, create_graph=create_graph
    )
    return grads[0]


def _rows(x: torch.Tensor) -> torch.Tensor:
    """Return (C,), (N, C) or (N, C, d1, ...) as (rows, C), not copied if classes come last."""
    if x.dim() == 1:
        x = x.unsqueeze(0)
    elif x.dim() > 2:
        x = x.movedim(1, -1).flatten(0, -2)
    return x if x.stride(1) == 1 or x.shape[1] == 1 else x.contiguous()


def _unrows(grad: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    if len(shape) == 2:
        return grad
    if len(shape) == 1:
        return grad.view(shape)
    return grad.view(shape[0], *shape[2:], shape[1]).movedim(-1, 1)


def _is_covered(
    input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> bool:
    """Tell whether the kernel gives torch's answer; doubtful cases are left to torch."""
    if torch.compiler.is_compiling() or type(input) not in _PLAIN or type(target) not in _PLAIN:
        return False
    shape = input.shape
    return (
        _is_dense(input, (torch.float32, torch.float64))
        and _is_dense(target, (torch.int64,))
        and len(shape) > 0
        and target.shape == (shape[:1] + shape[2:] if len(shape) > 1 else ())
        and (weight is None or _is_covered_weight(weight, input))
        and reduction in ("mean", "sum", "none")
        and 0.0 <= label_smoothing <= 1.0
        and not torch._C._are_functorch_transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0
        and torch.autograd.forward_ad._current_level < 0
    )


def _is_dense(x: torch.Tensor, dtypes: tuple[torch.dtype, ...]) -> bool:
    return x.dtype in dtypes and x.is_cpu and x.layout is torch.strided and not x.is_neg()


def _is_covered_weight(weight: Any, input: torch.Tensor) -> bool:
    return (
        type(weight) in _PLAIN
        and _is_dense(weight, (input.dtype,))
        and not weight.requires_grad
        and weight.shape == (input.shape[1:2] if input.dim() > 1 else input.shape)
    )
