"""NeuralModel.fit: the lectures' figures, every option, bad input, checkpoints and kill -9."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import SGD, AdamW, CharTokenizer, NeuralModel, TorchGenerator
from bigram.training import TrainingStep, learning_rates
from bigram.training.batches import PairBatches, TokenStream, WindowBatches, random_source

NAMES = CharTokenizer(tuple(".abcdefghijklmnopqrstuvwxyz"), ".")
TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


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


# --- the lectures ---


@pytest.mark.parametrize("source", ["counts", "file"])
def test_names_lecture(
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


def test_shakespeare_lecture(shakespeare_path: Path, golden: dict[str, Any]) -> None:
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


def test_shakespeare_with_our_own_numbers(shakespeare_path: Path) -> None:
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


# --- against torch's optimizers ---


@pytest.mark.parametrize("decay", [None, 0.1])
@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw"])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_same_as_torch(name: str, decay: float | None, clip: float | None) -> None:
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


# --- data ---


def weights_after(data: Any, **options: Any) -> np.ndarray:
    model = NeuralModel(options.pop("tokenizer", 5), seed=7)
    model.fit(data, **{"steps": 5, "learning_rate": 0.5, "seed": 3, **options})
    return model.weight


def test_tokens_counts_and_text_are_the_same_data() -> None:
    matrix = np.zeros((5, 5), dtype=np.int64)
    np.add.at(matrix, (TOKENS[:-1], TOKENS[1:]), 1)
    expected = weights_after(matrix)
    tokenizer = CharTokenizer(tuple("abcde"))
    text = tokenizer.decode(TOKENS)
    read_only = TOKENS.astype(np.int64)
    read_only.flags.writeable = False
    for data in [
        bigram.BigramCounts(matrix),
        TOKENS,
        read_only,
        TOKENS.astype(">u2"),
        np.repeat(TOKENS, 3)[::3],
        (TOKENS, np.array([0, 2000])),
        (np.concatenate([[9], TOKENS, [9]]), np.array([1, 2001])),
    ]:
        np.testing.assert_array_equal(weights_after(data), expected)
    np.testing.assert_array_equal(weights_after([text], tokenizer=tokenizer), expected)


def test_names_are_one_stream_with_shared_boundaries() -> None:
    tokenizer = CharTokenizer.from_texts(["ab", "b"])
    stream = TokenStream.from_corpus(["ab", "", "b"], tokenizer)
    assert stream.offsets is None
    assert stream.tokens.tolist() == [0, 1, 2, 0, 0, 2, 0]


def test_the_stream_of_a_file_is_that_of_its_texts(tmp_path: Path) -> None:
    texts = ["".join(random.Random(i).choices("abc", k=i % 100)) for i in range(24_000)]
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts) + "\n")  # more than one block of a file
    tokenizer = CharTokenizer.from_texts(["abc"])
    from_file = TokenStream.from_corpus(bigram.Corpus.lines(path), tokenizer)
    whole = np.concatenate([[0], *([*tokenizer.encode(text), 0] for text in texts)])
    np.testing.assert_array_equal(from_file.tokens, whole)
    plain = CharTokenizer.from_texts(["abc\n"], boundary=None)
    running = TokenStream.from_corpus(bigram.Corpus.text(path), plain)
    np.testing.assert_array_equal(running.tokens, plain.encode(path.read_text()))
    assert running.offsets is None
    several = TokenStream.from_corpus(["abc", "", "ca"], plain)
    assert several.offsets is not None
    assert several.offsets.tolist() == [0, 3, 3, 5]


def test_windows_stay_inside_their_sequences() -> None:
    offsets = np.array([0, 3, 3, 13, 20, 21])
    batches = WindowBatches(TokenStream(TOKENS[:21], offsets), 64, 4, random_source(0))
    drawn = batches.draw(50)
    assert set(drawn.ravel()) == {*range(3, 9), *range(13, 16)}
    one = WindowBatches(TokenStream(TOKENS), 64, 8, TorchGenerator(5)).draw(2)
    np.testing.assert_array_equal(one, TorchGenerator(5).randint(2000 - 8, (2, 64)))


def test_shuffled_pairs_come_once_an_epoch() -> None:
    offsets = np.array([0, 3, 3, 13, 20, 21])
    batches = PairBatches(TokenStream(TOKENS[:21], offsets), 8, random_source(0))
    pairs = sorted([*range(2), *range(3, 12), *range(13, 19)])
    drawn = batches.draw(2 * len(pairs) // 2 + 1).ravel()[: 4 * len(pairs)].reshape(4, -1)
    for epoch in drawn:
        assert sorted(epoch) == pairs
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize("shuffle", [False, True])
def test_minibatches_learn_and_repeat(shuffle: bool) -> None:
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


def test_validation_is_the_end_of_the_stream() -> None:
    tokens = np.concatenate([np.tile([0, 1], 450), np.tile([2, 3], 50)])
    model = NeuralModel(5, seed=0)
    history = model.fit(tokens, steps=200, learning_rate=5.0, validation=0.1, eval_every=100)
    last = history.evaluations[-1]
    assert last.train_loss < 0.05
    assert last.validation_loss > 0.8  # never seen
    assert model.evaluate(bigram.BigramCounts(np.diag([1] * 5))).nll > 1


def test_validation_data_of_its_own() -> None:
    other = np.zeros((5, 5), dtype=np.int64)
    other[2, 3] = 4
    model = NeuralModel(5, seed=0)
    history = model.fit(TOKENS, steps=3, learning_rate=1.0, validation=other, eval_every=1)
    expected = -np.log(model.probs()[2, 3])
    assert history.evaluations[-1].validation_loss == pytest.approx(expected, rel=1e-6)


def test_sparse_counts_and_large_vocabularies() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.random_array((300, 300), density=0.05, rng=np.random.default_rng(0))
    matrix.data = np.ceil(matrix.data * 9)
    csr = sparse.csr_array(matrix, dtype=np.int64)
    results = []
    for data in (csr, csr.toarray()):
        model = NeuralModel(300, seed=0)
        history = model.fit(data, steps=30, learning_rate=0.3, optimizer="adamw", l2=0.01)
        assert history.losses[-1] < history.losses[0] - 1
        results.append(model.weight)
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


# --- options ---


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
    with pytest.raises(FloatingPointError, match=r"the loss of step 0 is nan; .* as they were"):
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
        ({"steps": 2.5}, TypeError, "steps is float"),
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


# --- checkpoints ---

RUNS: dict[str, dict[str, Any]] = {
    "full batch": {"learning_rate": 0.5, "l2": 0.01},
    "momentum": {"learning_rate": 0.05, "optimizer": SGD(momentum=0.9)},
    "windows": {"learning_rate": 0.01, "optimizer": "adamw", "batch_size": 8, "seed": 5},
    "shuffled": {"learning_rate": 0.01, "batch_size": 300, "shuffle": True, "seed": 5},
    "lecture": {
        "learning_rate": 0.01,
        "optimizer": "adamw",
        "batch_size": 8,
        "eval_every": 4,
        "eval_batches": 3,
        "validation": 0.1,
        "clip_norm": 0.1,
    },
}


@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_is_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    def fit(steps: int, **options: Any) -> tuple[NeuralModel, bigram.History]:
        seed = {"seed": TorchGenerator(9)} if name == "lecture" else {}
        model = NeuralModel(5, seed=1)
        history = model.fit(TOKENS, steps=steps, **{**RUNS[name], **seed, **options})
        return model, history

    whole, expected = fit(23)
    path = tmp_path / "run.safetensors"
    options: dict[str, Any] = {"checkpoint": path, "checkpoint_every": 3}
    for stop in (4, 11, 17):  # interrupted between checkpoints

        def interrupt(step: TrainingStep, stop: int = stop) -> None:
            if step.step == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit(23, resume=True, callbacks=[interrupt], **options)
    resumed, history = fit(23, resume=True, **options)
    np.testing.assert_array_equal(resumed.weight, whole.weight)
    np.testing.assert_array_equal(history.losses, expected.losses)
    assert history.evaluations == expected.evaluations
    again, _ = fit(23, resume=True, checkpoint=path)  # nothing is left to do
    np.testing.assert_array_equal(again.weight, whole.weight)
    assert os.listdir(tmp_path) == [path.name]


def test_early_stopping_is_resumed(tmp_path: Path) -> None:
    tokens = np.concatenate([np.tile([0, 1, 2, 3], 200), np.tile([0, 1, 2, 2], 30)])
    options: dict[str, Any] = {
        "learning_rate": 1.0,
        "validation": 0.12,
        "eval_every": 10,
        "patience": 3,
    }
    whole = NeuralModel(5, seed=0)
    expected = whole.fit(tokens, steps=2000, **options)
    assert 30 < len(expected.losses) < 2000
    saved = {"checkpoint": tmp_path / "run", "checkpoint_every": 25, "resume": True}
    for steps in (30, 60, 2000):
        model = NeuralModel(5, seed=0)
        history = model.fit(tokens, steps=steps, **options, **saved)
    np.testing.assert_array_equal(model.weight, whole.weight)
    np.testing.assert_array_equal(history.losses, expected.losses)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l2": 0.5}, "l2 was 0.0, now it is 0.5"),
        ({"optimizer": "sgd"}, "optimizer was AdamW"),
        ({"learning_rate": 0.3}, "learning rates"),
        ({"steps": 3}, "it is at step 6, steps = 3"),
        ({"data": TOKENS[:-1]}, "data was 2000 tokens"),
    ],
)
def test_a_run_is_not_resumed_as_another(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "data": TOKENS,
        "steps": 6,
        "learning_rate": 0.1,
        "optimizer": "adamw",
        "checkpoint": tmp_path / "run",
        "checkpoint_every": 3,
    }
    NeuralModel(5, seed=0).fit(options["data"], **{k: options[k] for k in options if k != "data"})
    options |= change
    data = options.pop("data")
    model = NeuralModel(5, seed=0)
    before = model.weight.copy()
    with pytest.raises(ValueError, match=message):
        model.fit(data, resume=True, **options)
    np.testing.assert_array_equal(model.weight, before)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    options: dict[str, Any] = {"steps": 6, "learning_rate": 0.1, "checkpoint": path}
    NeuralModel(5, seed=0).fit(TOKENS, checkpoint_every=3, **options)
    sound = path.read_bytes()
    for damaged in (sound[:-9], b"", sound[:100] + b"x" + sound[101:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="run"):
            NeuralModel(5, seed=0).fit(TOKENS, resume=True, **options)
    NeuralModel(5, seed=0).save(path)
    with pytest.raises(ValueError, match="training_checkpoint"):
        NeuralModel(5, seed=0).fit(TOKENS, resume=True, **options)


SCRIPT = """
import sys
import numpy as np
import bigram
tokens = np.random.default_rng(0).integers(0, 60, 20_000).astype(np.uint8)
model = bigram.NeuralModel(60, seed=1)
model.fit(tokens, steps=2000, learning_rate=0.01, optimizer="adamw", batch_size=32, seed=2,
          checkpoint=sys.argv[1], checkpoint_every=40, resume=True)
np.save(sys.argv[2], model.weight)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    packages = str(Path(bigram.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [packages, os.environ.get("PYTHONPATH")]))

    def start(name: str) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-c", SCRIPT, tmp_path / name, tmp_path / f"{name}.npy"]
        return subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": path})

    assert start("whole").wait() == 0
    killed = 0
    waits = random.Random(0)
    while True:
        process = start("killed")
        before = (tmp_path / "killed").stat().st_mtime_ns if (tmp_path / "killed").exists() else 0
        while process.poll() is None:  # until it has written another checkpoint, at least
            now = (tmp_path / "killed").stat().st_mtime_ns if (tmp_path / "killed").exists() else 0
            if now != before and killed < 2:
                time.sleep(waits.uniform(0, 0.03))
                process.kill()
                process.wait()
                killed += 1
            time.sleep(0.001)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert killed >= 1
    np.testing.assert_array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))
