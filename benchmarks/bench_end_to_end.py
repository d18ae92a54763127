"""Whole tasks at the API that a user calls, against what a user would write instead.

names.txt (or the embedded names) to a model; a large text to a character model; tokens to a
Kneser-Ney table; words to an ARPA file; generation. The training of both lectures is in
bench_training.py.
"""

import itertools
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from goals import Goal
from text_of_words import num_pairs

import bigram
from bigram import kernels


@pytest.fixture(scope="module")
def names_file(tmp_path_factory) -> Path:
    """Return makemore's names.txt if it is there, else the embedded names, repeated."""
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("BIGRAM_DATA", root / "shared" / "data")) / "names.txt"
    if not path.is_file():
        path = tmp_path_factory.mktemp("names") / "names.txt"
        path.write_text("\n".join(bigram.datasets.load_names() * 6) + "\n")
    return path


def python_loop(path: Path) -> Counter:
    """Count pairs as the lecture does."""
    counts: Counter = Counter()
    for word in path.read_text().splitlines():
        symbols = [".", *list(word), "."]
        for pair in itertools.pairwise(symbols):
            counts[pair] += 1
    return counts


def numpy_count(path: Path) -> np.ndarray:
    """Count in NumPy: a byte table, and bincount over pair codes."""
    raw = np.fromfile(path, np.uint8)
    table = np.zeros(256, np.intp)
    table[97:123] = np.arange(1, 27)
    ids = np.empty(raw.size + 1, np.intp)
    ids[0] = 0
    np.take(table, raw, out=ids[1:])
    if raw[-1] != 10:
        ids = np.append(ids, 0)
    codes = ids[:-1] * 27
    codes += ids[1:]
    return np.bincount(codes, minlength=729).reshape(27, 27)


def total(answer: object) -> int:
    if isinstance(answer, bigram.BigramCounts):
        return answer.total
    if isinstance(answer, Counter):
        return sum(answer.values())
    return int(np.asarray(answer).sum())


def test_names_file_to_counts(duel, names_file):
    wanted = total(python_loop(names_file))

    def check(_, answer):
        assert total(answer) == wanted

    duel(
        "names.txt, file to counts",
        {
            "bigram": lambda: bigram.count(bigram.Corpus.lines(names_file)),
            "numpy": lambda: numpy_count(names_file),
            "python loop": lambda: python_loop(names_file),
        },
        check=check,
        work=names_file.stat().st_size,
        unit="B",
        goals=[Goal(10, "numpy"), Goal(300, "python loop")],
    )


def test_names_file_to_model(duel, names_file):
    wanted = numpy_count(names_file) + 1.0
    wanted /= wanted.sum(1, keepdims=True)

    def ours() -> np.ndarray:
        return bigram.CountModel(bigram.AddK(1.0)).fit(bigram.Corpus.lines(names_file)).probs()

    def numpy() -> np.ndarray:
        smoothed = numpy_count(names_file) + 1.0
        return smoothed / smoothed.sum(1, keepdims=True)

    duel(
        "names.txt, file to model",
        {"bigram": ours, "numpy": numpy},
        check=lambda _, answer: np.testing.assert_allclose(answer, wanted),
        work=names_file.stat().st_size,
        unit="B",
    )


def test_names_in_memory_to_model(duel, size):
    """Fit a Laplace-smoothed model to a list of names, as nltk.lm does."""
    names = bigram.datasets.load_names() * size(4, 1, 1)

    def nltk() -> object:
        from nltk.lm import Laplace
        from nltk.lm.preprocessing import padded_everygram_pipeline

        model = Laplace(2)
        model.fit(*padded_everygram_pipeline(2, names))
        return model

    wanted = sum(len(name) + 1 for name in names)

    def check(name: str, answer: object) -> None:
        total = answer.counts.total if name == "bigram" else answer.counts[2].N()
        assert total == wanted

    pytest.importorskip("nltk")
    duel(
        f"{len(names):,} names in memory to a model",
        {"bigram": lambda: bigram.CountModel(bigram.AddK(1.0)).fit(names), "nltk.lm": nltk},
        check=check,
        work=wanted,
        unit="pairs",
    )


@pytest.fixture(scope="module")
def large_text(tmp_path_factory, size) -> Path:
    """Return a text of English-like letters, written in blocks."""
    path = tmp_path_factory.mktemp("text") / "large.txt"
    rng = np.random.default_rng(0)
    letters = np.frombuffer(
        b"etaoin shrdlu cmfwyp vbgkjqxz\n" * 8 + b"eeeettttaaaaoooo    ", np.uint8
    )
    block = letters[rng.integers(0, letters.size, 1 << 20)].tobytes()
    with path.open("wb") as file:
        for _ in range(size(1024, 64, 1)):
            file.write(block)
    yield path
    path.unlink()


def test_text_to_character_model(duel, large_text):
    bytes_read = large_text.stat().st_size

    def numpy() -> np.ndarray:
        counts = np.zeros(65536, np.int64)
        last = np.empty(0, np.uint8)
        with large_text.open("rb") as file:
            while chunk := file.read(1 << 22):
                ids = np.concatenate([last, np.frombuffer(chunk, np.uint8)])
                codes = ids[:-1].astype(np.uint16) << 8
                codes |= ids[1:]
                counts += np.bincount(codes, minlength=65536)
                last = ids[-1:]
        return counts

    def check(_, answer):
        counts = answer.counts.total if isinstance(answer, bigram.CountModel) else answer.sum()
        assert counts == bytes_read - 1

    duel(
        f"{bytes_read >> 20} MB of text to a character model",
        {
            "bigram": lambda: bigram.CountModel().fit(bigram.Corpus.text(large_text)),
            "numpy": numpy,
        },
        check=check,
        work=bytes_read,
        unit="B",
        limit=lambda m: bytes_read / m.read,
    )


def test_tokens_to_kneser_ney(duel, size):
    from scipy import sparse

    v, n = 50_257, size(100_000_000, 5_000_000, 100_000)
    rng = np.random.default_rng(0)
    tokens = np.minimum(rng.zipf(1.25, n) - 1, v - 1).astype(np.uint16)

    def ours() -> object:
        counts = bigram.BigramCounts(kernels.count_bigrams_sparse(tokens, v))
        return bigram.CountModel.from_counts(counts, smoothing=bigram.KneserNey(0.75)).table

    def scipy() -> object:
        """Count with scipy, then the formulas of Kneser and Ney on the stored pairs."""
        pairs = (tokens[:-1], tokens[1:])
        ones = np.ones(n - 1, np.int64)
        matrix = sparse.coo_array((ones, pairs), shape=(v, v)).tocsr()
        matrix.sum_duplicates()
        continuation = np.bincount(matrix.indices, minlength=v) / matrix.nnz
        sums = np.maximum(matrix.sum(axis=1), 1)
        backoff = 0.75 * np.diff(matrix.indptr) / sums
        rows = np.repeat(np.arange(v), np.diff(matrix.indptr))
        own = np.maximum(matrix.data - 0.75, 0) / sums[rows]
        return own + backoff[rows] * continuation[matrix.indices]

    def check(_, answer):
        probs = answer if isinstance(answer, np.ndarray) else answer.probs
        assert probs.min() > 0
        assert probs.max() <= 1

    duel(
        f"{n // 1000:,}k tokens to a Kneser-Ney table, V = 50,257",
        {"bigram": ours, "scipy": scipy},
        check=check,
        work=n,
        unit="tokens",
    )


def python_arpa(text: Path, out: Path) -> Path:
    """Write Kneser-Ney with one discount, counted in dictionaries, as a script would."""
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    with open(text, "rb") as file:
        for line in file:
            words = [b"<s>", *line.split(), b"</s>"]
            pairs.update(itertools.pairwise(words))
    totals, successors, contexts = Counter(), Counter(), Counter()
    for (first, second), count in pairs.items():
        totals[first] += count
        successors[first] += 1
        contexts[second] += 1
    base = {word: n / len(pairs) for word, n in contexts.items()}
    backoff = {word: 0.75 * successors[word] / totals[word] for word in totals}
    with open(out, "wb") as file:
        file.write(b"\\data\\\nngram 1=%d\nngram 2=%d\n\n\\1-grams:\n" % (len(base), len(pairs)))
        for word, p in base.items():
            weight = np.log10(backoff.get(word, 1.0))
            file.write(b"%.7f\t%s\t%.7f\n" % (np.log10(p), word, weight))
        file.write(b"\n\\2-grams:\n")
        for (first, second), count in pairs.items():
            p = (count - 0.75) / totals[first] + backoff[first] * base[second]
            file.write(b"%.7f\t%s %s\n" % (np.log10(p), first, second))
        file.write(b"\n\\end\\\n")
    return out


def test_words_to_arpa(duel, text_of_words, tmp_path):
    """KenLM's lmplz is not a Python package.

    On a machine of two such cores it took a text of 55 MB (213k types, 1.23M distinct pairs) to an
    ARPA file of order 2 at 16 MB/s.
    """
    text = text_of_words

    def ours() -> Path:
        corpus = bigram.Corpus.lines(text)
        tokenizer = bigram.WordTokenizer.from_texts(corpus)
        smoothing = bigram.ModifiedKneserNey(compatible="lmplz")
        bigram.CountModel(smoothing, tokenizer).fit(corpus).to_arpa(tmp_path / "ours.arpa")
        return tmp_path / "ours.arpa"

    wanted = num_pairs(ours())

    def check(_, path: Path) -> None:
        assert num_pairs(path) == wanted

    duel(
        f"text of {text.stat().st_size / 1e6:.0f} MB to ARPA, {wanted:,} pairs (lmplz: 16 MB/s)",
        {"bigram": ours, "python": lambda: python_arpa(text, tmp_path / "python.arpa")},
        check=check,
        work=text.stat().st_size,
        unit="B",
        goals=[Goal(rate=16e6)],
    )


def test_generate(duel, size):
    n = size(10_000_000, 1_000_000, 10_000)
    model = bigram.CountModel().fit(bigram.datasets.load_names())
    probs = model.probs()
    chains = 1000
    starts = np.zeros((chains, 1), np.int64)

    def numpy() -> np.ndarray:
        cumulative = probs.cumsum(axis=1)
        out = np.zeros((chains, n // chains + 1), np.int64)
        rng = np.random.default_rng(0)
        for t in range(n // chains):
            uniform = rng.random((chains, 1))
            out[:, t + 1] = (cumulative[out[:, t]] < uniform).sum(axis=1).clip(max=26)
        return out

    def check(_, answer):
        assert answer.shape == (chains, n // chains + 1)
        share = np.bincount(answer.ravel(), minlength=27) / answer.size
        assert 0.05 < share[1] < 0.25

    duel(
        f"generate {n // 1000:,}k tokens, V = 27",
        {"bigram": lambda: model.generate(starts, n // chains, seed=0), "numpy": numpy},
        check=check,
        work=n,
        unit="tokens",
    )
