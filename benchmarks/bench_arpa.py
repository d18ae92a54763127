"""Words to a smoothed ARPA file, and ARPA files read and written.

KenLM's lmplz is no Python package: on a machine of two such cores it took a text of 55 MB (213k
types, 1.23M distinct pairs) to an ARPA file of order 2 at 16 MB/s.
"""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from goals import Goal
from text_of_words import write_text

import bigram


@pytest.fixture(scope="module")
def text(tmp_path_factory, size) -> Path:
    path = tmp_path_factory.mktemp("arpa") / "words.txt"
    write_text(path, size(55, 8, 0.05), types=size(240_000, 60_000, 500))
    return path


@pytest.fixture(scope="module")
def model(text) -> bigram.CountModel:
    tokenizer = bigram.WordTokenizer.from_texts(bigram.Corpus.lines(text))
    model = bigram.CountModel(bigram.ModifiedKneserNey(compatible="lmplz"), tokenizer)
    return model.fit(bigram.Corpus.lines(text))


@pytest.fixture(scope="module")
def arpa(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("arpa") / "model.arpa"
    model.to_arpa(path)
    return path


def num_pairs(path: Path) -> int:
    with open(path, "rb") as file:
        return int([next(file) for _ in range(3)][2].split(b"=")[1])


def python_arpa(text: Path, out: Path) -> Path:
    """Kneser-Ney with one discount, by dictionaries: what a script does."""
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    with open(text, "rb") as file:
        for line in file:
            words = [b"<s>", *line.split(), b"</s>"]
            pairs.update(pairwise(words))
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


def test_words_to_arpa(duel, text, arpa, tmp_path):
    wanted = num_pairs(arpa)

    def ours() -> Path:
        corpus = bigram.Corpus.lines(text)
        tokenizer = bigram.WordTokenizer.from_texts(corpus)
        smoothing = bigram.ModifiedKneserNey(compatible="lmplz")
        bigram.CountModel(smoothing, tokenizer).fit(corpus).to_arpa(tmp_path / "ours.arpa")
        return tmp_path / "ours.arpa"

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


def test_write(duel, model, tmp_path):
    table, tokenizer = model.table, model.tokenizer
    if not isinstance(table, bigram.BackoffTable):
        table = bigram.tables.as_backoff(table)

    def ours() -> Path:
        bigram.arpa.write_arpa(tmp_path / "ours.arpa", table, tokenizer)
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


def test_read(duel, arpa):
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
