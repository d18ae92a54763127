"""NeuralModel.fit: the lectures' figures, torch's optimizers, and every kind of data."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import SGD, AdamW, CharTokenizer, NeuralModel, TorchGenerator
from bigram.randomness.generators import random_source
from bigram.training.batches import PairBatches, WindowBatches
from bigram.training.token_stream import TokenStream

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
