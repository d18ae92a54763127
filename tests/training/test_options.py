"""The options of NeuralModel.fit, alone and together, and what it refuses."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram import SGD, AdamW, CharTokenizer, NeuralModel
from bigram.training.history import TrainingStep
from bigram.training.schedules import learning_rates

NAMES = CharTokenizer(tuple(".abcdefghijklmnopqrstuvwxyz"), ".")
TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


def weights_after(data: Any, **options: Any) -> np.ndarray:
    model = NeuralModel(options.pop("tokenizer", 5), seed=7)
    model.fit(data, **{"steps": 5, "learning_rate": 0.5, "seed": 3, **options})
    return model.weight


def test_learning_rate_schedules() -> None:
    np.testing.assert_array_equal(learning_rates(3, 0.5), [0.5, 0.5, 0.5])
    np.testing.assert_allclose(learning_rates(4, 1.0, warmup_steps=4), [0.25, 0.5, 0.75, 1.0])
    cosine = learning_rates(101, 1.0, schedule="cosine", final_learning_rate=0.1)
    assert cosine[0] == 1.0
    assert cosine[-1] == pytest.approx(0.1, abs=1e-3)
    assert (np.diff(cosine) < 0).all()
    np.testing.assert_array_equal(learning_rates(3, lambda step: 1 / (step + 1)), [1, 1 / 2, 1 / 3])
    small = weights_after(TOKENS, learning_rate=lambda step: 0.5)
    np.testing.assert_array_equal(small, weights_after(TOKENS, learning_rate=0.5))


def test_callbacks_see_every_step_and_change_nothing() -> None:
    seen: list[TrainingStep] = []
    options: dict[str, Any] = {"batch_size": 8, "eval_every": 2, "validation": 0.2}
    model = NeuralModel(5, seed=7)

    def watch(step: TrainingStep) -> None:
        assert step.model is model
        assert step.model.probs().shape == (5, 5)  # of the weights of this moment
        seen.append(step)

    watched = model.fit(TOKENS, steps=5, learning_rate=0.5, seed=3, callbacks=[watch], **options)
    assert [step.step for step in seen] == [0, 1, 2, 3, 4]
    assert [step.loss for step in seen] == watched.losses.tolist()
    assert [step.evaluation is None for step in seen] == [False, True, False, True, False]
    np.testing.assert_array_equal(model.weight, weights_after(TOKENS, **options))


def test_a_callback_can_end_the_training() -> None:
    model = NeuralModel(5, seed=0)
    history = model.fit(
        TOKENS, steps=100, learning_rate=0.5, callbacks=[lambda step: step.step == 6]
    )
    assert len(history.losses) == 7


def test_early_stopping_keeps_the_best_weights() -> None:
    # what follows what turns round at the end: the longer it trains, the worse it validates
    tokens = np.concatenate([np.tile([0, 1, 2, 3], 200), np.tile([3, 2, 1, 0], 30)])
    model = NeuralModel(5, weight=np.zeros((5, 5)))
    history = model.fit(
        tokens, steps=1000, learning_rate=1.0, validation=0.12, eval_every=10, patience=3
    )
    losses = [evaluation.validation_loss for evaluation in history.evaluations]
    assert len(losses) == int(np.argmin(losses)) + 4
    assert len(history.losses) == history.evaluations[-1].step
    np.testing.assert_array_equal(model.weight, 0)  # the first evaluation was the best


@pytest.mark.parametrize("vocab_size", [5, 300])
def test_a_loss_that_is_not_finite_stops(vocab_size: int) -> None:
    model = NeuralModel(vocab_size, seed=0)
    with pytest.raises(
        FloatingPointError, match=r"the update of step \d+ .*learning_rate = 1e\+38"
    ):
        model.fit(TOKENS, steps=50, learning_rate=1e38, l2=1e3)
    assert np.isfinite(model.weight).all()
    assert np.isfinite(model.probs()).all()
    # the kept weights are those of the steps that went well
    watched = NeuralModel(vocab_size, seed=0)
    kept = []
    with pytest.raises(FloatingPointError):
        watched.fit(
            TOKENS,
            steps=50,
            learning_rate=1e38,
            l2=1e3,
            callbacks=[lambda step: kept.append(step.model.weight.copy())],
        )
    np.testing.assert_array_equal(watched.weight, model.weight)
    np.testing.assert_array_equal(kept[-1] if kept else watched.weight, model.weight)


def test_weights_that_are_not_finite_to_begin_with() -> None:
    weight = np.zeros((5, 5))
    weight[2, 2] = np.nan
    model = NeuralModel(5, weight=weight)
    with pytest.raises(FloatingPointError, match=r"step 0 is nan; the weights are unchanged"):
        model.fit(TOKENS, steps=3, learning_rate=0.1)
    np.testing.assert_array_equal(model.weight, weight.astype(np.float32))


def test_training_goes_on_from_the_optimum() -> None:
    matrix = np.array([[0, 5, 1], [2, 0, 0], [1, 1, 1]])
    model = NeuralModel.from_counts(matrix)  # with weights of -inf
    history = model.fit(matrix, steps=10, learning_rate=0.5)
    np.testing.assert_allclose(history.losses, history.floor, rtol=1e-6)


def test_history_plots_and_pickles(tmp_path: Path) -> None:
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


def test_progress_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    quiet = weights_after(TOKENS, steps=50, batch_size=4)
    shown = weights_after(TOKENS, steps=50, batch_size=4, progress=True)
    np.testing.assert_array_equal(quiet, shown)
    assert "loss" in capsys.readouterr().err


def test_the_bits_do_not_depend_on_threads() -> None:
    tokens = np.random.default_rng(1).integers(0, 300, 5000)
    for size, options in [(256, {}), (300, {}), (300, {"batch_size": 32, "optimizer": "adamw"})]:
        results = []
        for threads in (1, 2, 3, 7):
            model = NeuralModel(size, seed=7)
            data = tokens[tokens < size]
            model.fit(data, steps=3, learning_rate=0.5, seed=3, num_threads=threads, **options)
            results.append(model.weight)
        for other in results[1:]:
            np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"steps": 0}, ValueError, "steps = 0"),
        ({"steps": -3}, ValueError, "steps = -3"),
        ({"steps": 2.5}, TypeError, "steps must be an integer, not float"),
        ({"learning_rate": 0}, ValueError, "learning_rate = 0"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate = nan"),
        ({"learning_rate": lambda step: -1.0}, ValueError, "learning_rate = -1"),
        ({"optimizer": "lion"}, ValueError, "optimizer = 'lion'"),
        ({"optimizer": 3}, TypeError, "optimizer is int"),
        ({"weight_decay": -1}, ValueError, "weight_decay = -1"),
        ({"l2": -1.0}, ValueError, "l2 = -1"),
        ({"clip_norm": 0}, ValueError, "clip_norm = 0"),
        ({"batch_size": 0}, ValueError, "batch_size = 0"),
        ({"batch_size": 4, "block_size": 0}, ValueError, "block_size = 0"),
        ({"batch_size": 4, "block_size": 2000}, ValueError, "the longest has 2000"),
        ({"validation": 1.0}, ValueError, "validation = 1.0"),
        ({"validation": -0.1}, ValueError, "validation = -0.1"),
        ({"eval_every": 0}, ValueError, "eval_every = 0"),
        ({"eval_batches": 3}, ValueError, "eval_batches needs batch_size"),
        ({"patience": 3}, ValueError, "patience needs"),
        ({"shuffle": True}, ValueError, "shuffle needs batch_size"),
        ({"schedule": "step"}, ValueError, "schedule = 'step'"),
        ({"warmup_steps": 6}, ValueError, "warmup_steps = 6"),
        ({"checkpoint": "x"}, ValueError, "checkpoint_every"),
        ({"checkpoint_every": 3}, ValueError, "checkpoint"),
        ({"resume": True}, ValueError, "resume needs checkpoint"),
        ({"seed": "x"}, TypeError, "seed is str"),
        ({"seed": -1}, ValueError, "seed = -1"),
        ({"callbacks": print}, TypeError, "callbacks"),
        ({"num_threads": 0}, ValueError, "num_threads"),
    ],
)
def test_bad_options_are_named(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    model = NeuralModel(5, seed=0)
    before = model.weight.copy()
    with pytest.raises(kind, match=message):
        model.fit(TOKENS, **{"steps": 5, "learning_rate": 0.1, **options})
    np.testing.assert_array_equal(model.weight, before)


@pytest.mark.parametrize(
    ("data", "options", "kind", "message"),
    [
        ("abc", {}, TypeError, "pass"),
        (["abc"], {}, ValueError, "no tokenizer"),
        (TOKENS.astype(float), {}, TypeError, "float64"),
        (TOKENS + 3, {}, ValueError, r"outside \[0, 5\)"),
        (TOKENS + 3, {"batch_size": 4}, ValueError, r"outside \[0, 5\)"),
        (TOKENS[:1], {}, ValueError, "no pair"),
        (np.empty(0, np.uint8), {"batch_size": 4}, ValueError, "no pair"),
        ((TOKENS, np.array([0, 3000])), {}, ValueError, "offsets"),
        ((TOKENS, np.array([0, 30, 20, 2000])), {"batch_size": 4}, ValueError, "offsets"),
        (np.ones((4, 4), np.int64), {}, ValueError, "counts have 4 symbols, the model has 5"),
        (np.zeros((5, 5), np.int64), {}, ValueError, "no pair"),
        (np.ones((5, 5), np.int64), {"batch_size": 4}, ValueError, "token stream"),
        (np.ones((5, 5), np.int64), {"validation": 0.1}, ValueError, "token stream"),
    ],
)
def test_bad_data_is_named(
    data: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    model = NeuralModel(CharTokenizer(tuple("abcde")) if isinstance(data, str) else 5, seed=0)
    with pytest.raises(kind, match=message):
        model.fit(data, steps=5, learning_rate=0.1, **options)


def test_optimizers_check_their_options() -> None:
    for wrong in ({"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SGD(**wrong)
    for wrong_too in ({"betas": (0.9, 1.0)}, {"eps": 0.0}, {"weight_decay": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong_too))):
            AdamW(**wrong_too)
