"""A BackoffTable's scores, rows and best successors; its samples are in bench_sampling.py."""

import math
from pathlib import Path

import numpy as np
import pytest
from goals import Goal
from text_of_words import write_text

import bigram
from bigram import reference


@pytest.fixture(scope="module")
def text(tmp_path_factory, size) -> Path:
    path = tmp_path_factory.mktemp("backoff") / "words.txt"
    write_text(path, size(20, 5, 0.05), types=size(100_000, 50_000, 500))
    return path


@pytest.fixture(scope="module")
def model(text) -> bigram.CountModel:
    tokenizer = bigram.WordTokenizer.from_texts(bigram.Corpus.lines(text))
    counts = bigram.count(bigram.Corpus.lines(text), tokenizer, layout="sparse")
    return bigram.CountModel.from_counts(counts, bigram.ModifiedKneserNey())


@pytest.fixture(scope="module")
def lines(text, size) -> list[str]:
    return text.read_text().splitlines()[: size(100_000, 20_000, 100)]


def logs(table: bigram.BackoffTable) -> tuple[np.ndarray, ...]:
    arrays = (table.probs, table.backoff, table.base)
    with np.errstate(divide="ignore"):
        return (table.indptr, table.indices, *(np.log(a) for a in arrays))


def test_score_sentences(duel, model, lines, tmp_path):
    kenlm = pytest.importorskip("kenlm")
    model.to_arpa(tmp_path / "model.arpa")
    config = kenlm.Config()
    config.show_progress = False
    loaded = kenlm.Model(str(tmp_path / "model.arpa"), config)
    table, arrays = model.table, logs(model.table)
    tokens, offsets = model.tokenizer.encode_batch(lines)
    wanted = table.score_sequences(tokens, offsets)

    def check(_, scores) -> None:
        np.testing.assert_allclose(scores, wanted, rtol=1e-4)

    def per_sentence() -> np.ndarray:
        return np.array([loaded.score(line) for line in lines]) * math.log(10)

    def numpy_twin() -> np.ndarray:
        scores = reference.score_backoff_pairs(*arrays, tokens[:-1], tokens[1:])
        scores[offsets[1:-1] - 1] = 0.0
        return np.add.reduceat(scores, offsets[:-1])

    duel(
        f"score {len(lines):,} sentences of 20 words, {table.num_pairs:,} pairs stored",
        {
            "bigram": lambda: table.score_sequences(tokens, offsets),
            "bigram, 1 thread": lambda: table.score_sequences(tokens, offsets, num_threads=1),
            "kenlm.Model.score": per_sentence,
            "numpy": numpy_twin,
        },
        check=check,
        work=len(lines),
        unit="sentences",
        goals=[Goal(10, "kenlm.Model.score")],
    )


def test_score_texts(duel, model, lines, tmp_path):
    """Strings in, both: with the look-up of words."""
    kenlm = pytest.importorskip("kenlm")
    model.to_arpa(tmp_path / "model.arpa")
    config = kenlm.Config()
    config.show_progress = False
    loaded = kenlm.Model(str(tmp_path / "model.arpa"), config)
    wanted = model.score(lines)

    def check(_, scores) -> None:
        np.testing.assert_allclose(scores, wanted, rtol=1e-4)

    duel(
        f"score {len(lines):,} sentences of 20 words, from strings",
        {
            "bigram": lambda: model.score(lines),
            "kenlm.Model.score": lambda: (
                np.array([loaded.score(line) for line in lines]) * math.log(10)
            ),
        },
        check=check,
        work=len(lines),
        unit="sentences",
    )


def test_rows(duel, model, size):
    table, arrays = model.table, logs(model.table)
    contexts = np.random.default_rng(0).integers(0, table.vocab_size, size(500, 100, 10))
    wanted = reference.backoff_rows(*arrays, contexts)

    def check(_, rows) -> None:
        np.testing.assert_array_equal(rows, wanted)

    duel(
        f"{len(contexts)} rows of {table.vocab_size:,}",
        {
            "bigram": lambda: table.log_probs(contexts),
            "numpy": lambda: reference.backoff_rows(*arrays, contexts),
        },
        check=check,
        work=len(contexts) * table.vocab_size,
        unit="entries",
    )


def test_top_k(duel, model, size):
    table, arrays = model.table, logs(model.table)
    contexts = np.random.default_rng(0).integers(0, table.vocab_size, size(500, 100, 10))
    wanted = np.sort(reference.backoff_rows(*arrays, contexts), axis=1)[:, ::-1][:, :10]

    def numpy_twin():
        rows = reference.backoff_rows(*arrays, contexts)
        best = np.argpartition(-rows, 10, axis=1)[:, :10]
        values = np.take_along_axis(rows, best, axis=1)
        order = np.argsort(-values, axis=1)
        return np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1)

    def check(_, answer) -> None:
        np.testing.assert_array_equal(answer[1], wanted)

    duel(
        f"the 10 likeliest successors of {len(contexts)} contexts, V = {table.vocab_size:,}",
        {"bigram": lambda: table.top_k(contexts, 10), "numpy": numpy_twin},
        check=check,
        work=len(contexts),
        unit="contexts",
        goals=[Goal(10)],
    )
