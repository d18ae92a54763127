"""The loss curve, drawn from plain arrays."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bigram.plotting.loss_curve import loss_curve

pytest.importorskip("matplotlib", reason="the loss curve needs matplotlib")

LOSSES = np.array([3.0, 2.5, 2.2])


def test_losses_evaluations_and_the_floor_are_drawn() -> None:
    evaluations = {"train": [(0, 3.1), (2, 2.3)], "validation": [(0, 3.2), (2, 2.6)]}
    axes = loss_curve(LOSSES, evaluations, floor=1.25)
    steps, train, validation, floor = axes.lines
    np.testing.assert_array_equal(steps.get_ydata(), LOSSES)
    assert list(zip(train.get_xdata(), train.get_ydata(), strict=True)) == evaluations["train"]
    assert list(validation.get_ydata()) == [3.2, 2.6]
    assert set(floor.get_ydata()) == {1.25}
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["loss of the step", "train", "validation", "counting reaches 1.2500"]


def test_evaluations_that_are_not_finite_are_left_out() -> None:
    nan = float("nan")
    axes = loss_curve(LOSSES, {"train": [(0, nan), (1, 2.0)], "validation": [(0, nan)]}, floor=1.0)
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["loss of the step", "train", "counting reaches 1.0000"]
    assert list(axes.lines[1].get_xdata()) == [1]


def test_given_axes_are_drawn_on() -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    assert loss_curve(LOSSES, {}, floor=1.0, ax=axes) is axes


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "bigram\[plot'):
        loss_curve(LOSSES, {}, floor=1.0)
