"""Text to ids and counts: files that are not plain ASCII, batches of texts, words.

names.txt and a large ASCII text to counts are in bench_end_to_end.py.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from goals import Goal

import bigram
from bigram.kernels import WordIndex

SAMPLE = (
    "Kaum wäre der Zug über die Brücke, fuhr er schon in den Bahnhof ein.\n"
    "Élève doué, où es-tu ? À l’école, naturellement.\n"
    "我们在学习语言模型,二元组是最简单的一种。\n"
    "plain words with nothing special in them at all, as in most lines\n"
)


@pytest.fixture(scope="module")
def mixed_text(tmp_path_factory, size) -> Path:
    """Return lines of several languages, in which no block is plain ASCII."""
    path = tmp_path_factory.mktemp("text") / "mixed.txt"
    path.write_text(SAMPLE * size(400_000, 40_000, 100), encoding="utf-8")
    return path


def numpy_code_points(path: Path) -> np.ndarray:
    """Count pairs of code points: decode, number by np.unique, bincount."""
    text = path.read_text(encoding="utf-8")
    points = np.frombuffer(("\n" + text).encode("utf-32-le"), np.uint32)
    symbols, ids = np.unique(points, return_inverse=True)
    size = len(symbols)
    return np.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size)


def test_mixed_text_to_counts(duel, mixed_text):
    wanted = numpy_code_points(mixed_text).sum()

    def check(_, answer):
        assert (answer.total if isinstance(answer, bigram.BigramCounts) else answer.sum()) == wanted

    duel(
        "text of several languages, file to counts",
        {
            "bigram": lambda: bigram.count(bigram.Corpus.lines(mixed_text)),
            "numpy": lambda: numpy_code_points(mixed_text),
        },
        check=check,
        work=mixed_text.stat().st_size,
        unit="B",
        goals=[Goal(4)],
    )


def test_texts_to_ids(duel, size):
    texts = bigram.datasets.load_names() * size(20, 4, 1)
    tokenizer = bigram.CharTokenizer.from_texts(texts)
    ids = {symbol: index for index, symbol in enumerate(tokenizer.vocab)}

    def python_loop() -> list[list[int]]:
        return [[0, *(ids[symbol] for symbol in text), 0] for text in texts]

    wanted = np.concatenate(python_loop())

    def check(_, answer):
        tokens = answer[0] if isinstance(answer, tuple) else np.concatenate(answer)
        np.testing.assert_array_equal(tokens, wanted)

    duel(
        f"{len(texts):,} names in memory to ids",
        {"bigram": lambda: tokenizer.encode_batch(texts), "python loop": python_loop},
        check=check,
        work=len(wanted),
        unit="token",
        goals=[Goal(10)],
    )


@pytest.fixture(scope="module")
def words(size) -> bytes:
    """Return lines of Zipf-distributed words."""
    rng = np.random.default_rng(0)
    picks = np.minimum(rng.zipf(1.3, size(5_000_000, 500_000, 5_000)), 200_000)
    names = [f"{'' if i % 3 else 'un'}word{i:x}" for i in range(200_001)]
    lines = np.array(names, dtype=object)[picks].reshape(-1, 20)
    return "".join(" ".join(line) + "\n" for line in lines.tolist()).encode()


def test_words_are_numbered_and_counted(duel, words):
    def ours() -> np.ndarray:
        index = WordIndex()
        index.add(words)
        return index.counts()

    wanted = list(Counter(words.split()).values())

    def check(_, answer):
        counts = answer if isinstance(answer, np.ndarray) else list(answer.values())
        np.testing.assert_array_equal(counts, wanted)

    duel(
        "words to a counted vocabulary",
        {"bigram": ours, "Counter": lambda: Counter(words.split())},
        check=check,
        work=len(words),
        unit="B",
        goals=[Goal(4)],
    )


def test_words_to_ids(duel, words):
    texts = words.decode().split("\n")[:-1]
    tokenizer = bigram.WordTokenizer.from_texts(texts)
    ids = {word: index for index, word in enumerate(tokenizer.vocab)}

    def python_loop() -> list[list[int]]:
        return [[0, *(ids[word] for word in text.split(" ")), 0] for text in texts]

    def check(_, answer):
        tokens = answer[0] if isinstance(answer, tuple) else np.concatenate(answer)
        np.testing.assert_array_equal(tokens, wanted)

    wanted = np.concatenate(python_loop())
    duel(
        "lines of words in memory to ids",
        {"bigram": lambda: tokenizer.encode_batch(texts), "python loop": python_loop},
        check=check,
        work=len(words),
        unit="B",
        goals=[Goal(4)],
    )
