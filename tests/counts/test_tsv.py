"""Counts as tab-separated values."""

from __future__ import annotations

import pathlib

import pytest

import bigram
from bigram import BigramCounts


def test_tsv_has_one_pair_a_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    bigram.datasets.load_makemore_counts().to_tsv(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('# bigram counts {"vocab_size": 27')
    assert lines[1:4] == ["context\tnext\tcount", ".\ta\t4410", ".\tb\t1306"]
    # Two lines, and one for each of the pairs that occur (the lecture's len(b)).
    assert len(lines) == 2 + 627


def test_tsv_of_other_programs_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    path.write_text("1\t0\t5\n0\t1\t2\n1\t0\t1\n")
    assert BigramCounts.from_tsv(path).to_dense().tolist() == [[0, 2], [6, 0]]
    assert BigramCounts.from_tsv(path, vocab_size=5000).matrix.shape == (5000, 5000)
    path.write_text("context\tnext\tcount\r\na\t.\t5\r\n")
    counts = BigramCounts.from_tsv(path, tokenizer=bigram.CharTokenizer.from_texts(["a"]))
    assert counts.top(1) == [("a", ".", 5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\t1\n", "line 1: '0.t1.n' is not context"),
        ("context\tnext\tcount\n0\t1\t2\n0\tx\t2\n", "line 3"),
        ("0\t1\t-2\n", "line 1: .* is not context, next and count, numbers in plain digits"),
        ("0\t1\t2\n0\t-1\t2\n", "line 2: .* plain digits"),
        ("0\t1\t1_0\n", "line 1: .* plain digits"),
        ("0\t 1\t10\n", "line 1: .* plain digits"),
        ("0\t1\t+1\n", "line 1: .* plain digits"),
        ("0\t1\t\u0663\n", "line 1: .* plain digits"),
        ("0\t1\t5\n0\t1\t-5\n", "line 2: .* plain digits"),
        ("0\t1\t2\n0\t1\t99999999999999999999\n", "line 2: count 99999999999999999999 is out"),
        ("0\t1\t9223372036854775807\n0\t1\t1\n", "more than int64 can hold"),
        ("0\t1099511627776\t1\n", "line 1: next 1099511627776 is outside"),
        ('# bigram counts {"vocab_size": 1e999, "tokenizer": null}\n', "damaged description"),
        ("# bigram counts {}\n", "damaged description"),
        ("# bigram counts [[[\n", "damaged description"),
        (
            '# bigram counts {"vocab_size": 2, "tokenizer": null}\n0\t2\t1\n',
            "line 2: next 2 is",
        ),
        ("\udcff\t1\t1\n", "UTF-8"),
    ],
)
def test_a_bad_line_is_named(tmp_path: pathlib.Path, text: str, message: str) -> None:
    path = tmp_path / "counts"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=message) as caught:
        BigramCounts.from_tsv(path)
    assert str(path) in str(caught.value)
