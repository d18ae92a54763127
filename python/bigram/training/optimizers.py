"""Optimizers: what turns a gradient into an update, as options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from bigram.common.checks import BELOW_ONE, LARGEST, SMALLEST, bad_kind, bad_value, check_number
from bigram.kernels.training import UpdateRule

__all__ = ["SGD", "AdamW", "resolve_optimizer", "update_rule"]


@dataclass(frozen=True)
class SGD:
    """Gradient descent, with momentum and coupled weight decay as in `torch.optim.SGD`.

    With the gradient g, an update is ``g += weight_decay * w``, ``buffer = momentum * buffer + g``
    and ``w -= learning_rate * buffer``.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    weight_decay : float
        Finite and >= 0.

    Examples
    --------
    >>> SGD(momentum=0.9)
    SGD(momentum=0.9, weight_decay=0.0)
    """

    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_number(self.momentum, "momentum", 0.0, BELOW_ONE, "a number in [0, 1)")
        check_number(self.weight_decay, "weight_decay", 0.0, LARGEST, "a finite number >= 0")

    @property
    def num_buffers(self) -> int:
        """How many arrays of the weight's shape the optimizer carries from step to step."""
        return int(self.momentum > 0)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay: the defaults and the update order of `torch.optim.AdamW`.

    Loshchilov and Hutter 2019. ``w -= learning_rate * weight_decay * w``, then running means
    m of g and v of g * g, and ``w -= learning_rate * (m / c1) / (sqrt(v / c2) + eps)`` with
    ``c = 1 - beta**step``.

    Parameters
    ----------
    betas : (float, float)
        Each in [0, 1): the share of m and of v that a step keeps.
    eps : float
        Positive.
    weight_decay : float
        Finite and >= 0.

    Examples
    --------
    >>> AdamW()
    AdamW(betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        if len(self.betas) != 2:
            raise bad_value(self.betas, "betas", "two numbers")
        object.__setattr__(self, "betas", (float(self.betas[0]), float(self.betas[1])))
        for position, beta in enumerate(self.betas):
            check_number(beta, f"betas[{position}]", 0.0, BELOW_ONE, "a number in [0, 1)")
        check_number(self.eps, "eps", SMALLEST, LARGEST, "a positive finite number")
        check_number(self.weight_decay, "weight_decay", 0.0, LARGEST, "a finite number >= 0")

    @property
    def num_buffers(self) -> int:
        """How many arrays of the weight's shape the optimizer carries from step to step."""
        return 2


def resolve_optimizer(optimizer: Any, weight_decay: float | None) -> SGD | AdamW:
    """Return the given or named optimizer, with this `weight_decay` unless it is None."""
    if isinstance(optimizer, str):
        named: dict[str, SGD | AdamW] = {"sgd": SGD(), "adamw": AdamW()}
        if optimizer.lower() not in named:
            raise bad_value(optimizer, "optimizer", "'sgd', 'adamw', SGD or AdamW")
        optimizer = named[optimizer.lower()]
    if not isinstance(optimizer, (SGD, AdamW)):
        raise bad_kind(optimizer, "optimizer", "'sgd', 'adamw', bigram.SGD or bigram.AdamW")
    if weight_decay is None:
        return optimizer
    return dataclasses.replace(optimizer, weight_decay=weight_decay)


def update_rule(optimizer: SGD | AdamW) -> UpdateRule:
    """Return the optimizer as the kernels take it."""
    name: Literal["sgd", "adamw"] = "sgd" if isinstance(optimizer, SGD) else "adamw"
    return UpdateRule(name, **dataclasses.asdict(optimizer))
