"""Optimizers as options: what they check, and how they are named."""

from __future__ import annotations

import pytest

from bigram import SGD, AdamW
from bigram.kernels.training import UpdateRule
from bigram.training.optimizers import resolve_optimizer, update_rule


def test_optimizers_check_their_options() -> None:
    for wrong in ({"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SGD(**wrong)
    for wrong_too in ({"betas": (0.9, 1.0)}, {"eps": 0.0}, {"weight_decay": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong_too))):
            AdamW(**wrong_too)


def test_an_optimizer_is_given_by_name_or_as_it_is() -> None:
    assert resolve_optimizer("sgd", None) == SGD()
    assert resolve_optimizer("AdamW", 0.5) == AdamW(weight_decay=0.5)
    momentum = SGD(momentum=0.9, weight_decay=0.1)
    assert resolve_optimizer(momentum, None) is momentum
    assert resolve_optimizer(momentum, 0.0) == SGD(momentum=0.9)


def test_kernels_get_the_numbers_of_the_optimizer() -> None:
    assert update_rule(SGD(momentum=0.5)) == UpdateRule("sgd", momentum=0.5)
    assert update_rule(AdamW(eps=0.1)) == UpdateRule(
        "adamw", betas=(0.9, 0.999), eps=0.1, weight_decay=0.01
    )
    assert [o.num_buffers for o in (SGD(), SGD(momentum=0.5), AdamW())] == [0, 1, 2]
