"""Merging of counts in memory and in files."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import BigramCounts
from bigram.common.csr import make_csr
from bigram.storage.container import save_arrays


@pytest.mark.parametrize("vocab_size", [40, 5000])
def test_merge_adds_counts_and_files(
    tmp_path: pathlib.Path, vocab_size: int, zipf_counts: Any
) -> None:
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


def test_merge_refuses_what_it_cannot_add(tmp_path: pathlib.Path, zipf_counts: Any) -> None:
    with pytest.raises(ValueError, match="counts_or_paths is empty"):
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


@pytest.mark.parametrize(
    "change",
    [
        {"counts": np.ones(3, np.int64)},
        {"counts": np.ones(2)},
        {"indices": np.zeros(2)},
        {"indptr": np.zeros(5, np.int32)},
        {"indptr": None},
        {"matrix": np.ones((2, 2), np.int64)},
        {"matrix": np.ones((50, 50))},
    ],
)
def test_merge_refuses_files_of_unsound_counts(tmp_path: pathlib.Path, change: Any) -> None:
    arrays = {"indptr": np.zeros(51, np.int32), "indices": np.zeros(2, np.int32)}
    arrays["indptr"][1:] = 2
    arrays = {**arrays, "counts": np.ones(2, np.int64), **change}
    sound = {name: array for name, array in arrays.items() if array is not None}
    save_arrays(tmp_path / "a", "counts", sound, {"vocab_size": 50, "total": 2})
    for out in (None, tmp_path / "b"):
        with pytest.raises(ValueError, match="a: damaged"):
            bigram.merge(tmp_path / "a", out=out)


@pytest.mark.parametrize(
    "arrays",
    [
        {"matrix": [[1, 2], [-3, 4]]},
        {"indptr": [0, 1, 2], "indices": [0, 2], "counts": [1, 1]},
        {"indptr": [0, 1, 2], "indices": [0, 1], "counts": [1, -1]},
        {"indptr": [0, 2, 2], "indices": [1, 0], "counts": [1, 1]},
        {"indptr": [0, 2, 1], "indices": [0, 1], "counts": [1, 1]},
    ],
)
def test_merge_looks_at_every_pair_of_a_file(tmp_path: pathlib.Path, arrays: Any) -> None:
    header = {"vocab_size": 2, "tokenizer": None, "total": 2}
    arrays = {name: np.array(values, np.int64) for name, values in arrays.items()}
    save_arrays(tmp_path / "a", "counts", arrays, header)
    for paths in ([tmp_path / "a"], [tmp_path / "a"] * 2):
        with pytest.raises(ValueError):
            bigram.merge(*paths, out=tmp_path / "b")
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
        BigramCounts._from_checked(matrix, None).save(paths[-1])
    code = (
        "import resource, sys, bigram\n"
        "from bigram.counts import rows\n"
        "import scipy.sparse, safetensors\n"
        "rows.merged_blocks.__defaults__ = (1 << 16,)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "total = bigram.merge(*sys.argv[2:], out=sys.argv[1])\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert total.matrix.nnz == 9_000_000\n"
        "print(after - before)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000  # KiB, where the sum has 108 MB
