"""The training loop: the lectures' figures, torch's optimizers, callbacks, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import SGD, AdamW, CharTokenizer, NeuralModel, TorchGenerator
from bigram.training.history import TrainingStep

NAMES = CharTokenizer(tuple(".abcdefghijklmnopqrstuvwxyz"), ".")
TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


def weights_after(data: Any, **options: Any) -> np.ndarray:
    model = NeuralModel(options.pop("tokenizer", 5), seed=7)
    model.fit(data, **{"steps": 5, "learning_rate": 0.5, "seed": 3, **options})
    return model.weight


@pytest.fixture(scope="module")
def counts(reference_folder: Path) -> bigram.BigramCounts:
    path = reference_folder / "makemore_counts.csv"
    return bigram.BigramCounts(np.loadtxt(path, delimiter=",", dtype=np.int64), NAMES)


@pytest.fixture(scope="module")
def golden(reference_folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((reference_folder / "torch_golden.json").read_text())
    return loaded


def names_in_float64(weight: np.ndarray, counts: np.ndarray, steps: int) -> list[float]:
    """The lecture's 100 steps in float64 NumPy."""
    w, losses = weight.astype(np.float64), []
    rows, total = counts.sum(axis=1, keepdims=True), counts.sum()
    for _ in range(steps):
        probs = np.exp(w) / np.exp(w).sum(axis=1, keepdims=True)
        losses.append(-(counts * np.log(probs)).sum() / total + 0.01 * (w**2).mean())
        w -= 50 * ((rows * probs - counts) / total + 0.01 * 2 * w / w.size)
    return losses


@pytest.mark.parametrize("source", ["counts", "file"])
def test_the_names_lecture_is_reproduced(
    source: str, counts: bigram.BigramCounts, names_path: Path, golden: dict[str, Any]
) -> None:
    weight = TorchGenerator(2147483647).randn((27, 27))
    model = NeuralModel(NAMES, weight=weight)
    data = counts if source == "counts" else bigram.Corpus.lines(names_path)
    history = model.fit(data, steps=100, learning_rate=50, l2=0.01)
    assert history.losses.dtype == np.float64
    expected = names_in_float64(weight, counts.matrix, 100)
    np.testing.assert_allclose(history.losses, expected, rtol=0, atol=1e-5)
    theirs = golden["names_neural_losses_100_steps_lr50_l2_0.01"]
    np.testing.assert_allclose(history.losses, theirs, rtol=0, atol=5e-5)
    final = golden["names_neural_final_weight_row0"]
    np.testing.assert_allclose(model.weight[0], final, rtol=0, atol=5e-4)
    assert history.floor == pytest.approx(2.4540144, abs=1e-6)
    drawn = model.sample(10, seed=TorchGenerator(2147483647))
    assert [name + "." for name in drawn] == golden["names_neural_samples_exponential"]


def test_the_shakespeare_lecture_is_reproduced(
    shakespeare_path: Path, golden: dict[str, Any]
) -> None:
    script = golden["shakespeare_manual_seed_1337"]
    tokenizer = CharTokenizer.from_texts([shakespeare_path.read_text()], boundary=None)
    generator = TorchGenerator(1337)
    model = NeuralModel(tokenizer, seed=generator)
    history = model.fit(
        bigram.Corpus.text(shakespeare_path),
        steps=3000,
        learning_rate=1e-2,
        optimizer="adamw",
        batch_size=32,
        block_size=8,
        validation=0.1,
        eval_every=300,
        seed=generator,
    )
    lines = [
        f"step {e.step}: train loss {e.train_loss:.4f}, val loss {e.validation_loss:.4f}"
        for e in history.evaluations
    ]
    assert lines == script["printed_losses"]
    np.testing.assert_allclose(history.losses[:10], script["train_loss_first_10"], atol=2e-6)
    assert history.losses[-1] == pytest.approx(script["train_loss_last"], abs=2e-6)
    text = tokenizer.decode(model.generate([[0]], 500, seed=generator)[0])
    assert text == script["generated_500"].removesuffix("\n")


def test_shakespeare_reaches_the_losses_of_the_lecture_with_numpys_numbers(
    shakespeare_path: Path,
) -> None:
    tokenizer = CharTokenizer.from_texts([shakespeare_path.read_text()], boundary=None)
    model = NeuralModel(tokenizer, seed=1)
    history = model.fit(
        bigram.Corpus.text(shakespeare_path),
        steps=3000,
        learning_rate=1e-2,
        optimizer=AdamW(),
        batch_size=32,
        validation=0.1,
        eval_every=1000,
        seed=2,
    )
    assert [e.step for e in history.evaluations] == [0, 1000, 2000, 3000]
    assert history.evaluations[0].train_loss > 4.2
    assert history.evaluations[-1].train_loss == pytest.approx(2.46, abs=0.02)
    assert history.evaluations[-1].validation_loss == pytest.approx(2.49, abs=0.02)


def test_training_meets_counting_at_the_floor(counts: bigram.BigramCounts) -> None:
    model = NeuralModel(NAMES, seed=0)
    history = model.fit(
        counts, steps=20_000, learning_rate=50, optimizer=SGD(momentum=0.9), schedule="cosine"
    )
    counted = bigram.CountModel.from_counts(counts, bigram.MLE())
    assert history.losses[-1] == pytest.approx(history.floor, abs=1e-3)
    assert model.evaluate(counts).nll == pytest.approx(counted.evaluate(counts).nll, abs=1e-3)
    frequent = counts.matrix.sum(axis=1) > 1000
    assert abs(model.probs() - counted.probs())[frequent].max() < 1e-2


@pytest.mark.parametrize("decay", [None, 0.1])
@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw"])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_losses_and_weights_equal_those_of_torch(
    name: str, decay: float | None, clip: float | None
) -> None:
    torch = pytest.importorskip("torch")
    model = NeuralModel(5, seed=1)
    weight = torch.nn.Parameter(torch.from_numpy(model.weight.copy()))
    extra = {} if decay is None else {"weight_decay": decay}
    if name == "adamw":
        optimizer = torch.optim.AdamW([weight], lr=0.05, **extra)
    else:
        momentum = 0.9 if name == "momentum" else 0.0
        optimizer = torch.optim.SGD([weight], lr=0.05, momentum=momentum, **extra)
    x, y = (torch.from_numpy(part.astype(np.int64)) for part in (TOKENS[:-1], TOKENS[1:]))
    losses = []
    for _ in range(20):
        loss = torch.nn.functional.cross_entropy(weight[x], y) + 0.01 * (weight**2).mean()
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([weight], clip)
        optimizer.step()
        losses.append(loss.item())
    history = model.fit(
        TOKENS,
        steps=20,
        learning_rate=0.05,
        optimizer=SGD(momentum=0.9) if name == "momentum" else name,
        weight_decay=decay,
        l2=0.01,
        clip_norm=clip,
    )
    np.testing.assert_allclose(history.losses, losses, rtol=2e-6)
    np.testing.assert_allclose(model.weight, weight.detach().numpy(), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("shuffle", [False, True])
def test_minibatches_learn_and_the_seed_decides_them(shuffle: bool) -> None:
    cycle = np.tile(np.arange(4, dtype=np.uint8), 100)
    results = []
    for seed in (1, 1, 2):
        model = NeuralModel(5, seed=0)
        history = model.fit(
            cycle,
            steps=150,
            learning_rate=0.1,
            optimizer="adamw",
            batch_size=16,
            block_size=3,
            shuffle=shuffle,
            seed=seed,
        )
        assert history.losses[-1] < 0.05
        results.append(model.weight)
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


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
    # The order is reversed at the end: the longer it trains, the worse it validates.
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
def test_a_loss_that_is_not_finite_ends_the_training_with_the_last_good_weights(
    vocab_size: int,
) -> None:
    model = NeuralModel(vocab_size, seed=0)
    with pytest.raises(
        FloatingPointError, match=r"the update of step \d+ .*learning_rate = 1e\+38"
    ):
        model.fit(TOKENS, steps=50, learning_rate=1e38, l2=1e3)
    assert np.isfinite(model.weight).all()
    assert np.isfinite(model.probs()).all()
    # The kept weights are those after the last good step.
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


def test_initial_weights_that_are_not_finite_are_refused() -> None:
    weight = np.zeros((5, 5))
    weight[2, 2] = np.nan
    model = NeuralModel(5, weight=weight)
    with pytest.raises(FloatingPointError, match=r"step 0 is nan; the weights are unchanged"):
        model.fit(TOKENS, steps=3, learning_rate=0.1)
    np.testing.assert_array_equal(model.weight, weight.astype(np.float32))


def test_training_from_the_optimum_stays_there() -> None:
    matrix = np.array([[0, 5, 1], [2, 0, 0], [1, 1, 1]])
    model = NeuralModel.from_counts(matrix)  # with weights of -inf
    history = model.fit(matrix, steps=10, learning_rate=0.5)
    np.testing.assert_allclose(history.losses, history.floor, rtol=1e-6)


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
