"""Text to ids and counts, files that are not plain ASCII, batches of texts, words; ARPA files.

names.txt and a large ASCII text to counts are in bench_end_to_end.py.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from goals import Goal
from text_of_words import num_pairs

import bigram
from bigram.arpa.writer import write_arpa
from bigram.kernels import WordIndex
from bigram.tables.conversion import as_backoff

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


# ---- ARPA files


@pytest.fixture(scope="module")
def model(text_of_words) -> bigram.CountModel:
    tokenizer = bigram.WordTokenizer.from_texts(bigram.Corpus.lines(text_of_words))
    model = bigram.CountModel(bigram.ModifiedKneserNey(compatible="lmplz"), tokenizer)
    return model.fit(bigram.Corpus.lines(text_of_words))


@pytest.fixture(scope="module")
def arpa(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    model.to_arpa(path)
    return path


def python_write(table: bigram.BackoffTable, vocab: tuple[str, ...], path: Path) -> Path:
    rows = np.repeat(np.arange(table.vocab_size), np.diff(table.indptr))
    with open(path, "w") as file:
        file.write(f"\\data\\\nngram 1=0\nngram 2={table.num_pairs}\n")
        file.writelines(
            f"{p:.9f}\t{vocab[i]} {vocab[j]}\n"
            for p, i, j in zip(
                np.log10(table.probs).tolist(), rows.tolist(), table.indices.tolist(), strict=True
            )
        )
    return path


def test_write_arpa(duel, model, tmp_path):
    table, tokenizer = model.table, model.tokenizer
    if not isinstance(table, bigram.BackoffTable):
        table = as_backoff(table)

    def ours() -> Path:
        write_arpa(tmp_path / "ours.arpa", table, tokenizer)
        return tmp_path / "ours.arpa"

    def check(_, path: Path) -> None:
        assert num_pairs(path) == table.num_pairs

    duel(
        f"write an ARPA file of {table.num_pairs:,} pairs",
        {
            "bigram": ours,
            "python": lambda: python_write(table, tokenizer.vocab, tmp_path / "python.arpa"),
        },
        check=check,
        work=table.num_pairs,
        unit="pairs",
        goals=[Goal(3)],
    )


def python_read(path: Path) -> int:
    words, pairs = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 3:
                words[fields[1]] = (float(fields[0]), float(fields[2]))
            elif len(fields) == 2:
                pairs[tuple(fields[1].split(" "))] = float(fields[0])
    return len(pairs)


def test_read_arpa(duel, arpa):
    wanted = num_pairs(arpa)
    contenders = {
        "bigram": lambda: bigram.CountModel.from_arpa(arpa).table.num_pairs,
        "python": lambda: python_read(arpa),
    }
    try:
        import kenlm

        config = kenlm.Config()
        config.show_progress = False
        contenders["kenlm.Model"] = lambda: kenlm.Model(str(arpa), config) and wanted
    except ImportError:
        pass

    def check(_, answer: int) -> None:
        assert answer == wanted

    duel(
        f"read an ARPA file of {wanted:,} pairs",
        contenders,
        check=check,
        work=wanted,
        unit="pairs",
    )
