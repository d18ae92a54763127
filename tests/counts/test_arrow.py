"""Counts as Arrow tables, data frames and Parquet files."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import BigramCounts


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


def test_symbols_that_are_lone_surrogates_have_a_data_frame() -> None:
    pytest.importorskip("pandas")
    tokenizer = bigram.CharTokenizer((".", "\ud800"), ".")
    frame = BigramCounts(np.array([[0, 1], [2, 0]]), tokenizer).to_pandas()
    assert frame["next_symbol"].tolist() == ["\ud800", "."]
