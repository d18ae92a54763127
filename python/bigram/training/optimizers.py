"""Optimizers: what turns a gradient into an update, as options."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

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
        _check_fraction("momentum", self.momentum)
        check_not_negative("weight_decay", self.weight_decay)

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
            raise ValueError(f"betas = {self.betas}, wanted two numbers")
        object.__setattr__(self, "betas", (float(self.betas[0]), float(self.betas[1])))
        for position, beta in enumerate(self.betas):
            _check_fraction(f"betas[{position}]", beta)
        if not 0 < self.eps < math.inf:
            raise ValueError(f"eps = {self.eps}, wanted a positive number")
        check_not_negative("weight_decay", self.weight_decay)

    @property
    def num_buffers(self) -> int:
        """How many arrays of the weight's shape the optimizer carries from step to step."""
        return 2


def resolve_optimizer(optimizer: Any, weight_decay: float | None) -> SGD | AdamW:
    """Return the given or named optimizer, with this `weight_decay` unless it is None."""
    if isinstance(optimizer, str):
        named: dict[str, SGD | AdamW] = {"sgd": SGD(), "adamw": AdamW()}
        if optimizer.lower() not in named:
            raise ValueError(f"optimizer = {optimizer!r}, wanted 'sgd', 'adamw', SGD or AdamW")
        optimizer = named[optimizer.lower()]
    if not isinstance(optimizer, (SGD, AdamW)):
        kind = type(optimizer).__name__
        raise TypeError(f"optimizer is {kind}, wanted 'sgd', 'adamw', bigram.SGD or bigram.AdamW")
    if weight_decay is None:
        return optimizer
    return dataclasses.replace(optimizer, weight_decay=weight_decay)


def update_rule(optimizer: SGD | AdamW) -> UpdateRule:
    """Return the optimizer as the kernels take it."""
    name: Literal["sgd", "adamw"] = "sgd" if isinstance(optimizer, SGD) else "adamw"
    return UpdateRule(name, **dataclasses.asdict(optimizer))


def _check_fraction(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name} = {value} is outside [0, 1)")


def check_not_negative(name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} = {value}, wanted a finite number >= 0")
