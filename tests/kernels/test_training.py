"""Steps of training, fused and made of single kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, reference
from bigram.kernels import training
from bigram.kernels.training import TrainingSteps, UpdateRule, train_on_counts, train_on_windows

SGD = UpdateRule("sgd")
ADAMW = UpdateRule("adamw", betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
RULES = [
    SGD,
    UpdateRule("sgd", weight_decay=0.1),
    UpdateRule("sgd", momentum=0.9, weight_decay=0.01),
    # Not the default eps of 1e-8: a gradient of that size is float32 noise beside float64, and
    # AdamW would make a step of full length of it. test_optimizers has the default, against torch.
    replace(ADAMW, eps=1e-6),
    UpdateRule("adamw", betas=(0.0, 0.5), eps=1e-3, weight_decay=0.3),
]


def steps_of(number: int, rule: UpdateRule, *, before: int = 0, **options: Any) -> TrainingSteps:
    rates = np.linspace(0.5, 0.1, number) * (1 if rule.name == "sgd" else 0.1)
    settings = {"l2": 0.02, "clip_norm": None, "num_threads": 1, **options}
    return TrainingSteps(np.full(number, -1.0), rates, before, rule, **settings)


def state_of(size: int, rule: UpdateRule, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    weight = np.random.default_rng(seed).standard_normal((size, size)).astype(np.float32)
    buffers = 2 if rule.name == "adamw" else int(rule.momentum > 0)
    return weight, [np.zeros_like(weight) for _ in range(buffers)]


def assert_close(ours: Any, theirs: Any) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@given(
    size=st.integers(1, 70),
    number=st.integers(0, 5),
    rule=st.sampled_from(RULES),
    l2=st.sampled_from([0.0, 0.02]),
    clip=st.sampled_from([None, 0.1]),
    seed=st.integers(0, 9),
)
def test_steps_on_counts_equal_the_twin(
    size: int, number: int, rule: UpdateRule, l2: float, clip: float | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, (size, size)) * (rng.random((size, 1)) < 0.7)
    counts[0, 0] += 1
    results = []
    for fused in (256, 0, None):
        weight, buffers = state_of(size, rule, seed)
        steps = steps_of(number, rule, before=3, l2=l2, clip_norm=clip)
        if fused is None:
            weight, buffers = weight.astype(float), [b.astype(float) for b in buffers]
            assert reference.train_on_counts(weight, buffers, counts, steps) == number
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(training, "FUSED_VOCAB", fused)
                assert train_on_counts(weight, buffers, counts, steps) == number
        results.append([steps.losses, weight, *buffers])
    assert_close(results[0], results[2])
    assert_close(results[1], results[2])


@given(
    size=st.integers(1, 70),
    batch=st.integers(1, 40),
    block=st.integers(1, 9),
    rule=st.sampled_from(RULES),
    dtype=st.sampled_from(["u1", "u2", "u4", "i4", "i8"]),
    stride=st.sampled_from([1, 3, -1]),
)
def test_steps_on_windows_equal_the_twin(
    size: int, batch: int, block: int, rule: UpdateRule, dtype: str, stride: int
) -> None:
    rng = np.random.default_rng(size)
    tokens = rng.integers(0, size, 300).astype(dtype)[::stride]
    positions = rng.integers(0, len(tokens) - block, (4, batch))
    results = []
    for fused in (256, 0, None):
        weight, buffers = state_of(size, rule)
        steps = steps_of(4, rule)
        if fused is None:
            weight, buffers = weight.astype(float), [b.astype(float) for b in buffers]
            wide = tokens.astype(np.int64)
            reference.train_on_windows(weight, buffers, wide, positions, block, steps)
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(training, "FUSED_VOCAB", fused)
                assert train_on_windows(weight, buffers, tokens, positions, block, steps) == 4
        results.append([steps.losses, weight, *buffers])
    assert_close(results[0], results[2])
    assert_close(results[1], results[2])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [5, 100, 256])
def test_same_bits_for_any_number_of_threads_and_of_calls(size: int, rule: UpdateRule) -> None:
    tokens = np.random.default_rng(1).integers(0, size, 1000).astype(np.uint8)
    positions = np.random.default_rng(2).integers(0, 990, (12, 16))
    results = []
    for threads, parts in [(1, (12,)), (2, (12,)), (3, (5, 7)), (7, (1,) * 12)]:
        weight, buffers = state_of(size, rule)
        losses, rates = np.empty(12), np.full(12, 0.01)
        at = 0
        for part in parts:
            some = slice(at, at + part)
            steps = TrainingSteps(losses[some], rates[some], at, rule, 0.1, None, threads)
            train_on_windows(weight, buffers, tokens, positions[some], 8, steps)
            at += part
        results.append([losses, weight, *buffers])
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_same_bits_for_any_number_of_threads_on_long_runs() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (256, 256))
    number = 600  # enough that the kernel shares it out
    results = []
    for threads in (1, 2, 3, 7):
        weight, buffers = state_of(256, ADAMW)
        steps = steps_of(number, ADAMW, num_threads=threads)
        train_on_counts(weight, buffers, counts, steps)
        results.append([steps.losses, weight, *buffers])
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_every_instruction_set_agrees_with_the_baseline(use_isa: Any, isa: str) -> None:
    counts = np.random.default_rng(0).integers(0, 9, (27, 27))
    results = []
    for chosen in ("baseline", isa):
        with use_isa(chosen):
            weight, buffers = state_of(27, ADAMW)
            steps = steps_of(20, ADAMW)
            train_on_counts(weight, buffers, counts, steps)
            results.append([steps.losses, weight])
    assert_close(*results)


def test_steps_stop_at_the_first_loss_that_is_not_finite() -> None:
    counts = np.full((4, 4), 2)
    for fused in (256, 0):
        weight, buffers = state_of(4, SGD)
        steps = TrainingSteps(np.empty(5), np.full(5, 1e38), 0, SGD, 1e3, None, 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "FUSED_VOCAB", fused)
            done = train_on_counts(weight, buffers, counts, steps)
        assert 1 <= done < 5
        assert np.isfinite(steps.losses[:done]).all()


def test_a_weight_of_minus_infinity_counts_where_the_pair_does() -> None:
    weight = np.zeros((2, 2), np.float32)
    weight[0, 1] = -np.inf
    for counts, loss in [([[3, 0], [0, 0]], 0.0), ([[1, 1], [0, 0]], np.inf)]:
        steps = TrainingSteps(np.empty(1), np.array([1e-3]), 0, SGD, 0.0, None, 1)
        train_on_counts(weight.copy(), [], np.array(counts), steps)
        assert steps.losses[0] == loss


@pytest.mark.parametrize("bad", [-1, 92, 2**62, -(2**63)])
def test_a_window_outside_the_tokens_is_refused(bad: int) -> None:
    weight, tokens = np.zeros((5, 5), np.float32), np.zeros(100, np.uint8)
    positions = np.zeros((3, 2), np.int64)
    positions[1, 1] = bad
    with pytest.raises(ValueError, match="leaves the 100 tokens"):
        train_on_windows(weight, [], tokens, positions, 8, steps_of(3, SGD))


@pytest.mark.parametrize(("dtype", "value"), [("u1", 5), ("i4", -1), ("i8", -(2**63)), ("u4", 5)])
def test_an_id_outside_the_vocabulary_is_refused(dtype: str, value: int) -> None:
    weight, tokens = np.zeros((5, 5), np.float32), np.zeros(100, dtype)
    tokens[50] = value
    positions = np.array([[0], [45]])
    with pytest.raises(ValueError, match=r"outside \[0, 5\)"):
        train_on_windows(weight, [], tokens, positions, 8, steps_of(2, SGD))


def raw(**changes: Any) -> Any:
    """Call the raw extension with something changed."""
    arguments: dict[str, Any] = {
        "weight": np.zeros((5, 5), np.float32),
        "first": np.zeros((5, 5), np.float32),
        "second": np.zeros((5, 5), np.float32),
        "tokens": np.zeros(100, np.uint8),
        "positions": np.zeros((3, 2), np.int64),
        "block_size": 8,
        "losses": np.zeros(3),
        "learning_rates": np.ones(3),
        "steps_before": 0,
        "rule": 2,
        "settings": np.zeros(6),
        "num_threads": 1,
        **changes,
    }
    return _core.train_on_windows(**arguments)


READ_ONLY = np.zeros((5, 5), np.float32)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": np.zeros((5, 5))},
        {"weight": np.zeros((5, 4), np.float32)},
        {"weight": np.zeros((257, 257), np.float32)},
        {"weight": np.zeros((10, 5), np.float32)[::2]},
        {"weight": READ_ONLY},
        {"weight": np.zeros(0, np.float32)},
        {"weight": np.zeros((5, 5), ">f4")},
        {"first": None},
        {"second": None},
        {"first": np.zeros((4, 4), np.float32)},
        {"second": "x"},
        {"tokens": np.zeros((10, 10), np.uint8)},
        {"tokens": np.zeros(100, np.float32)},
        {"tokens": np.zeros(100, ">i4")},
        {"positions": np.zeros((2, 2), np.int64)},
        {"positions": np.zeros((3, 2), np.int32)},
        {"block_size": 0},
        {"block_size": -(2**63)},
        {"losses": np.zeros(4)},
        {"learning_rates": np.ones(3, np.float32)},
        {"rule": 3},
        {"rule": -1},
        {"steps_before": -1},
        {"settings": np.zeros(5)},
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(changes: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        raw(**changes)


def test_the_raw_extension_accepts_empty_and_extreme_arguments() -> None:
    assert raw(block_size=2**63 - 1) == 0
    assert raw(tokens=np.zeros(0, np.uint8)) == 0
    assert raw(positions=np.zeros((3, 0), np.int64)) == -1
    assert raw(num_threads=-5) == -1
    empty = np.zeros((0, 0), np.float32)
    assert raw(weight=empty, first=empty, second=empty) == 0
