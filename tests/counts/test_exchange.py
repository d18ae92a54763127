"""Counts to and from what other programs read: TSV, Parquet, Arrow, pandas and .npz."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pickle
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import bigram
from bigram import BigramCounts


@pytest.fixture
def samples(zipf_counts: Any) -> list[BigramCounts]:
    tokenizer = bigram.CharTokenizer.from_texts(['\t\n\\"ä\r#\u2028 0'], boundary=".")
    size = tokenizer.vocab_size
    table = np.random.default_rng(0).integers(0, 3, (size, size))
    return [
        BigramCounts(table, tokenizer),
        BigramCounts(np.zeros((3, 3), np.int64)),
        BigramCounts(zipf_counts(5000, 3000, 1)),
        bigram.datasets.load_makemore_counts(),
    ]


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("form", ["tsv", "npz", "parquet"])
def test_other_formats_read_back_equal(
    tmp_path: pathlib.Path, form: str, index: int, samples: list[BigramCounts]
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    counts, path = samples[index], tmp_path / "counts"
    getattr(counts, f"to_{form}")(path)
    loaded = getattr(BigramCounts, f"from_{form}")(path)
    assert loaded == counts
    assert type(loaded.matrix) is type(counts.matrix)
    assert os.listdir(tmp_path) == ["counts"]


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


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("context", [0, None], "column context has nulls"),
        ("count", [1, None], "column count has nulls"),
        ("count", [1.0, 2.0], "column count is double, wanted integers"),
        ("next", ["1", "0"], "column next is string, wanted integers"),
        ("next", [True, False], "column next is bool, wanted integers"),
    ],
)
def test_a_bad_parquet_file_is_named(
    tmp_path: pathlib.Path, column: str, values: list[object], message: str
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "counts.parquet"
    good = {"context": [0, 1], "next": [1, 0], "count": [1, 2]}
    pq.write_table(pa.table({**good, column: values}), path)
    with pytest.raises(ValueError, match=message) as caught:
        BigramCounts.from_parquet(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [0, -1, 2**31])
@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_a_bad_vocabulary_size_is_refused(tmp_path: pathlib.Path, kind: str, size: int) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "counts"
    path.write_text("0\t0\t1\n")
    with pytest.raises(ValueError, match=f"vocab_size = {size} is outside"):
        getattr(BigramCounts, f"from_{kind}")(path, vocab_size=size)


def test_npz_goes_both_ways_with_scipy(tmp_path: pathlib.Path) -> None:
    counts = bigram.datasets.load_makemore_counts()
    counts.to_npz(tmp_path / "ours.npz")
    assert np.array_equal(sp.load_npz(tmp_path / "ours.npz").toarray(), counts.matrix)
    sp.save_npz(tmp_path / "theirs.npz", sp.coo_array(counts.matrix))
    assert np.array_equal(BigramCounts.from_npz(tmp_path / "theirs.npz").matrix, counts.matrix)


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_a_damaged_file_of_another_format_is_a_value_error(
    tmp_path: pathlib.Path, form: str, samples: list[BigramCounts]
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "counts"
    getattr(samples[0], f"to_{form}")(path)
    sound = path.read_bytes()
    read = getattr(BigramCounts, f"from_{form}")
    for data in (b"", b"x" * 100, sound[: len(sound) // 2], sound[:-1], pickle.dumps([1])):
        path.write_bytes(data)
        with pytest.raises((ValueError, OSError)) as caught:
            read(path)
        assert str(path) in str(caught.value)
    for position in range(len(sound)):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 2]) + sound[position + 1 :])
        with contextlib.suppress(ValueError, OSError):
            read(path)
    with pytest.raises(OSError):
        read(tmp_path)


def test_arrow_tables_and_data_frames_have_ids_symbols_and_counts(zipf_counts: Any) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    counts = bigram.datasets.load_makemore_counts()
    table, frame = counts.to_arrow(), counts.to_pandas()
    assert table.num_rows == len(frame) == 627
    assert list(frame.columns) == table.column_names
    first = {"context": 0, "next": 1, "count": 4410, "context_symbol": ".", "next_symbol": "a"}
    assert table.slice(0, 1).to_pylist() == [first]
    assert frame.iloc[0].to_dict() == first
    assert frame["count"].sum() == 228146
    plain = BigramCounts(zipf_counts(5000, 100, 0))
    assert plain.to_arrow().column_names == ["context", "next", "count"]
    assert plain.to_pandas()["count"].sum() == 100


@pytest.mark.parametrize(("module", "method"), [("pyarrow", "to_arrow"), ("pandas", "to_pandas")])
def test_missing_extras_are_named(
    monkeypatch: pytest.MonkeyPatch, module: str, method: str, samples: list[BigramCounts]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install \"bigram\["):
        getattr(samples[1], method)()
