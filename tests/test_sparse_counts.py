"""Counts in both layouts: sums, what they say, merging of files, and other formats."""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import bigram
from bigram import BigramCounts, sparse
from bigram.kernels._csr import make_csr
from bigram.sparse import SparseRows, add_sparse, check_sparse, merged_blocks

TABLES = st.integers(1, 7).flatmap(
    lambda v: st.lists(
        hnp.arrays(np.int64, (v, v), elements=st.sampled_from([0, 0, 0, 1, 2, 10**12])),
        min_size=1,
        max_size=6,
    )
)
LAYOUTS = [np.asarray, sp.csr_array]


def zipf_counts(vocab_size: int, num_pairs: int, seed: int) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.3, (2, num_pairs)) - 1, vocab_size - 1)
    ones = np.ones(num_pairs, np.int64)
    matrix = sp.coo_array((ones, tuple(ids)), shape=(vocab_size,) * 2).tocsr()
    matrix.sum_duplicates()
    return matrix


def equal(a: Any, b: Any) -> bool:
    a, b = sp.csr_array(a), sp.csr_array(b)
    return a.shape == b.shape and (a != b).nnz == 0


# ---- sums


@given(TABLES, st.integers(1, 9))
def test_merged_blocks_are_the_sum(tables: list[Any], pairs_per_block: int) -> None:
    total = sum(tables)
    size = len(tables[0])
    sources = []
    for index, table in enumerate(tables):
        matrix = sp.csr_array(table)
        if index % 2:
            sources.append(sparse.DenseRows(size, table))
        else:
            sources.append(SparseRows(size, matrix.indptr, matrix.indices, matrix.data))
    blocks = list(merged_blocks(sources, pairs_per_block))
    assert np.array_equal(np.vstack([block.toarray() for block in blocks]), total)
    whole = sparse.assemble(iter(blocks), size, sum(b.nnz for b in blocks))
    check_sparse(whole.indptr, whole.indices, whole.data, size)
    assert np.array_equal(whole.toarray(), total)


@given(TABLES)
def test_a_running_sum_is_the_sum(tables: list[Any]) -> None:
    running = sparse.RunningSum()
    for table in tables:
        running.add(sp.csr_array(table))
    assert np.array_equal(running.total().toarray(), sum(tables))


def test_large_matrices_are_added_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [zipf_counts(5000, 20_000, seed) for seed in range(3)]
    expected = parts[0] + parts[1] + parts[2]
    monkeypatch.setattr(sparse, "PAIRS_PER_BLOCK", 1000)
    total = add_sparse(parts)
    check_sparse(total.indptr, total.indices, total.data, 5000)
    assert equal(total, expected)


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


def test_any_sparse_matrix_becomes_canonical() -> None:
    messy = sp.csr_array(
        (np.array([1, 2, 0, 4], np.int32), np.array([2, 2, 1, 0]), np.array([0, 2, 4, 4])),
        shape=(3, 3),
    )
    for matrix in (messy, sp.csr_matrix(messy), messy.tocoo(), messy.tocsc(), messy.todok()):
        counts = BigramCounts(matrix)
        assert type(counts.matrix) is sp.csr_array
        assert counts.matrix.dtype == np.int64
        assert counts.matrix.has_canonical_format
        assert counts.num_pairs == counts.matrix.nnz == 2
        assert counts.total == 7
    assert messy.nnz == 4  # the caller's is as it was


def test_a_canonical_matrix_is_taken_without_a_copy() -> None:
    matrix = zipf_counts(50, 100, 0)
    assert np.shares_memory(BigramCounts(matrix).matrix.data, matrix.data)


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (sp.csr_array(np.eye(3)), TypeError, "float64"),
        (sp.csr_array(np.ones((2, 3), int)), ValueError, r"\(2, 3\), wanted \(V, V\)"),
        (sp.csr_array(-np.eye(3, dtype=int)), ValueError, "must not be negative"),
        (sp.csr_array(np.full((1, 1), 2**63, np.uint64)), ValueError, "more than int64"),
    ],
)
def test_other_matrices_are_refused(matrix: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        BigramCounts(matrix)


def test_a_broken_csr_is_refused() -> None:
    for indices, indptr in (([0, 5], [0, 1, 2]), ([0, -1], [0, 1, 2]), ([0, 1], [0, 2, 1])):
        matrix = sp.csr_array((2, 2), dtype=np.int64)
        matrix.data = np.ones(2, np.int64)
        matrix.indices, matrix.indptr = np.array(indices), np.array(indptr)
        with pytest.raises(ValueError):
            BigramCounts(matrix)


@pytest.mark.parametrize(
    ("indptr", "indices", "message"),
    [
        ([0, 1], [0], "shapes"),
        ([0, 1, 3], [0, 0], "0 to 2"),
        ([0, 3, 2, 2], [0, 1], "not decrease"),
        ([0, 1, 2], [0, 2], "outside"),
        ([0, 2, 2], [1, 0], "increase"),
        ([0, 2, 2], [0, 0], "increase"),
    ],
)
def test_check_sparse(indptr: list[int], indices: list[int], message: str) -> None:
    arrays = np.array(indptr), np.array(indices), np.ones(len(indices), np.int64)
    with pytest.raises(ValueError, match=message):
        check_sparse(*arrays, 3 if len(indptr) == 4 else 2)


# ---- what the counts say


@given(TABLES)
def test_statistics_agree_with_numpy(tables: list[Any]) -> None:
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
        with pytest.raises(TypeError, match="must be an integer, not float"):
            method(1.0)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="= -1 is outside"):
            method(-1)
    assert counts.row(np.uint8(1)).tolist() == [0, 1, 0]


# ---- files


@pytest.mark.parametrize("make", LAYOUTS)
def test_saved_counts_come_back(tmp_path: pathlib.Path, make: Any) -> None:
    path = tmp_path / "counts"
    tokenizer = bigram.CharTokenizer.from_texts(["ab"])
    counts = BigramCounts(make(np.arange(9).reshape(3, 3)), tokenizer)
    counts.save(path)
    for loaded in (BigramCounts.load(path), bigram.load(path), pickle.loads(pickle.dumps(counts))):
        assert loaded == counts
        assert type(loaded.matrix) is type(counts.matrix)
        assert loaded.tokenizer == tokenizer
        loaded += counts
        assert loaded.total == 2 * counts.total
        loaded.save(path)  # over the file that is mapped
        counts.save(path)


def test_sparse_counts_are_mapped(tmp_path: pathlib.Path) -> None:
    counts = BigramCounts(zipf_counts(5000, 1000, 0))
    counts.save(tmp_path / "counts")
    base = BigramCounts.load(tmp_path / "counts").matrix.data
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)


def test_a_file_of_unsound_counts_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    matrix = zipf_counts(50, 100, 0)
    arrays = {"indptr": matrix.indptr, "indices": matrix.indices[::-1], "counts": matrix.data}
    header = {"vocab_size": 50, "tokenizer": None}
    bigram.storage.save_arrays(path, "counts", arrays, header)
    with pytest.raises(ValueError, match=r"counts: damaged.*indices must increase"):
        bigram.load(path)
    tokenizer = bigram.CharTokenizer.from_texts(["ab"]).to_json()
    arrays["indices"] = matrix.indices
    for change in ({"vocab_size": 51}, {"vocab_size": None}, {"tokenizer": tokenizer}):
        bigram.storage.save_arrays(path, "counts", arrays, {**header, **change})
        with pytest.raises(ValueError, match="counts: damaged"):
            bigram.load(path)


@pytest.mark.parametrize("vocab_size", [40, 5000])
def test_merge_of_counts_and_paths(tmp_path: pathlib.Path, vocab_size: int) -> None:
    parts = [zipf_counts(vocab_size, 3000, seed) for seed in range(5)]
    expected = BigramCounts(sum(parts[1:], parts[0]))
    items: list[Any] = []
    for index, part in enumerate(parts):
        counts = BigramCounts(part)
        if index % 2:
            counts.save(tmp_path / str(index))
        items.append(tmp_path / str(index) if index % 2 else counts)
    dense = vocab_size <= 4096
    for out in (None, tmp_path / "out", tmp_path / "1"):
        total = bigram.merge(*items, out=out)
        assert total == expected
        assert isinstance(total.matrix, np.ndarray) == dense
        if out is not None:
            assert BigramCounts.load(out) == expected
    assert sorted(os.listdir(tmp_path)) == ["1", "3", "out"]


def test_merge_refuses_what_it_cannot_add(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="nothing to merge"):
        bigram.merge()
    with pytest.raises(TypeError, match=r"counts_or_paths\[0\] is int"):
        bigram.merge(3)  # type: ignore[arg-type]
    BigramCounts(zipf_counts(50, 100, 0)).save(tmp_path / "a")
    data = bytearray((tmp_path / "a").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ValueError, match="a: damaged"):
        bigram.merge(tmp_path / "a", out=tmp_path / "b")
    assert os.listdir(tmp_path) == ["a"]


def test_merge_to_a_file_takes_bounded_memory(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("resource")
    # 3 files of 3,000,000 pairs, 12 bytes each, in rows of 3,000
    size, per_row, paths = 300_000, 3000, []
    for part in range(3):
        indptr = np.minimum(np.arange(size + 1, dtype=np.int64), 1000) * per_row
        indices = np.tile(np.arange(per_row, dtype=np.int32) * 100 + part, 1000)
        counts = np.ones(len(indices), np.int64)
        matrix = make_csr(counts, indices, indptr.astype(np.int32), size)
        paths.append(str(tmp_path / str(part)))
        BigramCounts.trusted(matrix, None).save(paths[-1])
    code = (
        "import resource, sys, bigram\n"
        "from bigram import sparse\n"
        "import scipy.sparse, safetensors\n"
        "sparse.merged_blocks.__defaults__ = (1 << 16,)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "total = bigram.merge(*sys.argv[2:], out=sys.argv[1])\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert total.matrix.nnz == 9_000_000\n"
        "print(after - before)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000  # KiB, where the sum has 108 MB


# ---- other formats

SYMBOLS = ["a\tb", "\n", "\\", '"', "ä", "\r", "#", "\u2028", " ", "0"]


def samples() -> list[BigramCounts]:
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
def test_other_formats_read_back_equal(tmp_path: pathlib.Path, form: str, index: int) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    counts, path = samples()[index], tmp_path / "counts"
    getattr(counts, f"to_{form}")(path)
    loaded = getattr(BigramCounts, f"from_{form}")(path)
    assert loaded == counts
    assert type(loaded.matrix) is type(counts.matrix)
    assert os.listdir(tmp_path) == ["counts"]


def test_tsv_is_plain(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    bigram.datasets.load_makemore_counts().to_tsv(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('# bigram counts {"vocab_size": 27')
    assert lines[1:4] == ["context\tnext\tcount", ".\ta\t4410", ".\tb\t1306"]
    # Two lines, and one for each of the pairs that occur (the lecture's len(b)).
    assert len(lines) == 2 + 627


def test_tsv_of_others(tmp_path: pathlib.Path) -> None:
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
        ("0\t1\t-2\n", "must not be negative"),
        ("0\t-1\t2\n", "next -1 is outside"),
        ("0\t1\t99999999999999999999\n", "64 bits"),
        ("# bigram counts {}\n", "damaged description"),
        ("# bigram counts [[[\n", "damaged description"),
        ('# bigram counts {"vocab_size": 2, "tokenizer": null}\n0\t2\t1\n', r"next 2 is outside"),
        ("\udcff\t1\t1\n", "UTF-8"),
    ],
)
def test_bad_tsv(tmp_path: pathlib.Path, text: str, message: str) -> None:
    path = tmp_path / "counts"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=message) as caught:
        BigramCounts.from_tsv(path)
    assert str(path) in str(caught.value)


def test_npz_goes_both_ways_with_scipy(tmp_path: pathlib.Path) -> None:
    counts = bigram.datasets.load_makemore_counts()
    counts.to_npz(tmp_path / "ours.npz")
    assert equal(sp.load_npz(tmp_path / "ours.npz"), counts.matrix)
    sp.save_npz(tmp_path / "theirs.npz", sp.coo_array(counts.matrix))
    assert np.array_equal(BigramCounts.from_npz(tmp_path / "theirs.npz").matrix, counts.matrix)


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_damaged_files_of_other_formats(tmp_path: pathlib.Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "counts"
    getattr(samples()[0], f"to_{form}")(path)
    sound = path.read_bytes()
    read = getattr(BigramCounts, f"from_{form}")
    for data in (b"", b"x" * 100, sound[: len(sound) // 2], sound[:-1], pickle.dumps([1])):
        path.write_bytes(data)
        with pytest.raises((ValueError, OSError)) as caught:
            read(path)
        assert str(path) in str(caught.value)
    with pytest.raises(OSError):
        read(tmp_path)


def test_arrow_and_pandas() -> None:
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
    monkeypatch: pytest.MonkeyPatch, module: str, method: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install \"bigram\["):
        getattr(samples()[1], method)()
