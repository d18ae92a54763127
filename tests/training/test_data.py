"""What may be trained on: tokens, counts and text, with data to validate on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bigram
from bigram import CharTokenizer, NeuralModel

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


def weights_after(data: Any, **options: Any) -> np.ndarray:
    model = NeuralModel(options.pop("tokenizer", 5), seed=7)
    model.fit(data, **{"steps": 5, "learning_rate": 0.5, "seed": 3, **options})
    return model.weight


def test_tokens_counts_and_text_of_the_same_pairs_train_alike() -> None:
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


def test_validation_is_the_end_of_the_stream() -> None:
    tokens = np.concatenate([np.tile([0, 1], 450), np.tile([2, 3], 50)])
    model = NeuralModel(5, seed=0)
    history = model.fit(tokens, steps=200, learning_rate=5.0, validation=0.1, eval_every=100)
    last = history.evaluations[-1]
    assert last.train_loss < 0.05
    assert last.validation_loss > 0.8  # never seen
    assert model.evaluate(bigram.BigramCounts(np.diag([1] * 5))).nll > 1


def test_validation_data_may_be_given() -> None:
    other = np.zeros((5, 5), dtype=np.int64)
    other[2, 3] = 4
    model = NeuralModel(5, seed=0)
    history = model.fit(TOKENS, steps=3, learning_rate=1.0, validation=other, eval_every=1)
    expected = -np.log(model.probs()[2, 3])
    assert history.evaluations[-1].validation_loss == pytest.approx(expected, rel=1e-6)


def test_sparse_counts_train_as_dense_ones() -> None:
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
