"""What a training run reports."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import bigram
from bigram import NeuralModel
from bigram.training.history import entropy_floor

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


def test_a_history_is_drawn_and_pickled(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = NeuralModel(5, seed=0)
    history = model.fit(TOKENS, steps=20, learning_rate=0.5, validation=0.1, eval_every=5)
    axes = history.plot()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[:3] == ["loss of the step", "train", "validation"]
    assert f"{history.floor:.4f}" in labels[3]
    axes.figure.savefig(tmp_path / "loss.png")
    assert history.plot(axes) is axes
    again = pickle.loads(pickle.dumps(history))
    assert again.evaluations == history.evaluations
    assert again.floor == history.floor
    assert history.seconds > 0


def test_the_floor_is_the_loss_of_the_relative_frequencies() -> None:
    counts = bigram.BigramCounts(np.array([[0, 3, 1], [0, 0, 0], [2, 2, 2]]))
    counted = bigram.CountModel.from_counts(counts, bigram.MLE())
    assert entropy_floor(counts) == pytest.approx(counted.evaluate(counts).nll, rel=1e-12)
    assert np.isnan(entropy_floor(bigram.BigramCounts(np.zeros((2, 2), np.int64))))
