"""`BigramCounts` in both layouts: sums, what they say, files."""

from __future__ import annotations

import pathlib
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import bigram
from bigram import BigramCounts
from bigram.storage.container import save_arrays

TABLES = st.integers(1, 7).flatmap(
    lambda v: st.lists(
        hnp.arrays(np.int64, (v, v), elements=st.sampled_from([0, 0, 0, 1, 2, 10**12])),
        min_size=1,
        max_size=6,
    )
)
LAYOUTS = [np.asarray, sp.csr_array]


def equal(a: Any, b: Any) -> bool:
    a, b = sp.csr_array(a), sp.csr_array(b)
    return a.shape == b.shape and (a != b).nnz == 0


# ---- sums


@given(TABLES)
def test_plus_is_associative_and_commutative_in_every_layout(tables: list[Any]) -> None:
    a, b, c = (tables * 3)[:3]
    for first in LAYOUTS:
        for second in LAYOUTS:
            x, y, z = BigramCounts(first(a)), BigramCounts(second(b)), BigramCounts(first(c))
            assert (x + y) + z == x + (y + z)
            assert x + y == y + x
            assert np.array_equal((x + y).to_dense(), a + b)
            w = BigramCounts(first(a))
            w += y
            assert w == x + y
    assert isinstance(
        (BigramCounts(sp.csr_array(a)) + BigramCounts(sp.csr_array(b))).matrix, sp.csr_array
    )


def test_adding_in_place_spares_the_callers_array() -> None:
    for make in LAYOUTS:
        mine = make(np.eye(3, dtype=np.int64))
        counts = BigramCounts(mine)
        counts += counts
        counts += counts
        assert equal(mine, np.eye(3))
        assert equal(counts.matrix, 4 * np.eye(3))


def test_counts_over_other_ids_are_not_added() -> None:
    a = BigramCounts(np.eye(3, dtype=np.int64), bigram.CharTokenizer.from_texts(["ab"]))
    b = BigramCounts(np.eye(3, dtype=np.int64), bigram.CharTokenizer.from_texts(["ac"]))
    for add in (lambda x, y: x + y, bigram.merge, BigramCounts.merge):
        with pytest.raises(ValueError, match="different tokenizers"):
            add(a, b)
        with pytest.raises(ValueError, match="over 3 and 4 ids"):
            add(a, BigramCounts(np.eye(4, dtype=np.int64)))


# ---- what a sparse matrix may be


# ---- what the counts say


@given(TABLES)
def test_sums_agree_with_numpy(tables: list[Any]) -> None:
    table = tables[0]
    for make in LAYOUTS:
        counts = BigramCounts(make(table))
        assert counts.total == table.sum()
        assert counts.num_pairs == np.count_nonzero(table)
        assert np.array_equal(counts.context_counts(), table.sum(axis=1))
        assert np.array_equal(counts.unigram_counts(), table.sum(axis=0))
        assert np.array_equal(counts.continuation_counts(), (table > 0).sum(axis=0))
        assert counts.context_counts().dtype == counts.unigram_counts().dtype == np.int64
        for i in range(len(table)):
            assert np.array_equal(counts.row(i), table[i])
        pruned = counts.prune(2)
        assert type(pruned.matrix) is type(counts.matrix)
        assert np.array_equal(pruned.to_dense(), np.where(table >= 2, table, 0))
        assert equal(counts.to_scipy(), table)
        everything = [(i, j, c) for (i, j), c in np.ndenumerate(table.tolist()) if c]
        everything.sort(key=lambda pair: -pair[2])
        for k in (0, 1, 3, 100):
            assert counts.top(k) == everything[:k]


def test_top_pairs_of_makemore() -> None:
    # Printed in the makemore lecture: sorted(b.items(), key=lambda kv: -kv[1])
    counts = bigram.datasets.load_makemore_counts()
    expected = [("n", ".", 6763), ("a", ".", 6640), ("a", "n", 5438), (".", "a", 4410)]
    assert counts.top(4) == expected
    assert BigramCounts(counts.to_scipy(), counts.tokenizer).top(4) == expected


def test_arguments_are_checked() -> None:
    counts = BigramCounts(np.eye(3, dtype=np.int64))
    for i in (-1, 3):
        with pytest.raises(ValueError, match=r"outside \[0, 2\]"):
            counts.row(i)
    for method in (counts.row, counts.top, counts.prune):
        with pytest.raises(TypeError, match="is float, wanted an integer"):
            method(1.0)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="= -1"):
            method(-1)
    assert counts.row(np.uint8(1)).tolist() == [0, 1, 0]


# ---- files


@pytest.mark.parametrize("make", LAYOUTS)
def test_saved_counts_are_loaded_equal(tmp_path: pathlib.Path, make: Any) -> None:
    path = tmp_path / "counts"
    tokenizer = bigram.CharTokenizer.from_texts(["ab"])
    counts = BigramCounts(make(np.arange(9).reshape(3, 3)), tokenizer)
    counts.save(path)
    for found in (BigramCounts.load(path), bigram.load(path), pickle.loads(pickle.dumps(counts))):
        loaded = found
        assert loaded == counts
        assert type(loaded.matrix) is type(counts.matrix)
        assert loaded.tokenizer == tokenizer
        loaded += counts
        assert loaded.total == 2 * counts.total
        loaded.save(path)  # over the file that is mapped
        counts.save(path)


def test_sparse_counts_are_mapped(tmp_path: pathlib.Path, zipf_counts: Any) -> None:
    counts = BigramCounts(zipf_counts(5000, 1000, 0))
    counts.save(tmp_path / "counts")
    base = BigramCounts.load(tmp_path / "counts").matrix.data
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)


def test_a_file_of_unsound_counts_is_refused(tmp_path: pathlib.Path, zipf_counts: Any) -> None:
    path = tmp_path / "counts"
    matrix = zipf_counts(50, 100, 0)
    arrays = {"indptr": matrix.indptr, "indices": matrix.indices[::-1], "counts": matrix.data}
    header = {"vocab_size": 50, "tokenizer": None}
    save_arrays(path, "counts", arrays, header)
    with pytest.raises(ValueError, match=r"counts: damaged.*indices do not increase"):
        bigram.load(path)
    tokenizer = bigram.CharTokenizer.from_texts(["ab"]).to_json()
    arrays["indices"] = matrix.indices
    for change in ({"vocab_size": 51}, {"vocab_size": None}, {"tokenizer": tokenizer}):
        save_arrays(path, "counts", arrays, {**header, **change})
        with pytest.raises(ValueError, match="counts: damaged"):
            bigram.load(path)
