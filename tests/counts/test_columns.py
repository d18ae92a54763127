"""Counts in files of columns: their checksums, and files that say more than they hold."""

from __future__ import annotations

import io
import json
import pathlib
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import bigram
from bigram import BigramCounts

FORMATS = ("tsv", "parquet")


def _write(counts: BigramCounts, path: pathlib.Path, kind: str) -> None:
    getattr(counts, f"to_{kind}")(path)


def _read(path: pathlib.Path, kind: str, **options: Any) -> BigramCounts:
    counts: BigramCounts = getattr(BigramCounts, f"from_{kind}")(path, **options)
    return counts


@pytest.mark.parametrize("kind", [*FORMATS, "npz"])
def test_no_flipped_bit_reads_as_other_counts(tmp_path: pathlib.Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "counts"
    for counts in (
        bigram.count(["emma", "olivia", "ava"]),
        BigramCounts(sp.csr_array(np.array([[0, 300], [7, 0]]))),
    ):
        _write(counts, path, kind)
        sound = path.read_bytes()
        for position in range(0, len(sound), 1 if kind == "tsv" else 3):
            for bit in (0, 1, 4) if kind == "tsv" else (position % 8,):
                flipped = bytearray(sound)
                flipped[position] ^= 1 << bit
                path.write_bytes(flipped)
                try:
                    found = _read(path, kind)
                except (ValueError, MemoryError):
                    continue
                assert np.array_equal(found.to_dense(), counts.to_dense()), (position, bit)


def test_lines_that_were_changed_removed_or_repeated_are_found(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    BigramCounts(np.array([[1, 2], [3, 4]])).to_tsv(path)
    text = path.read_text()
    assert json.loads(text.split("\n")[0].removeprefix("# bigram counts "))["total"] == 10
    for old, new in (("0\t1\t2", "1\t0\t2"), ("1\t1\t4\n", ""), ("0\t0\t1\n", "0\t0\t1\n" * 2)):
        path.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match="differ from their checksum"):
            BigramCounts.from_tsv(path)


def test_files_of_before_there_were_checksums_are_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    path.write_text('# bigram counts {"vocab_size": 3, "tokenizer": null}\n0\t1\t2\n')
    assert BigramCounts.from_tsv(path).total == 2
    path.write_text('# bigram counts {"vocab_size": 3, "tokenizer": null, "crc33": ""}\n0\t1\t2\n')
    with pytest.raises(ValueError, match="damaged description"):
        BigramCounts.from_tsv(path)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_id_far_above_what_the_file_holds_needs_a_vocabulary_size(
    tmp_path: pathlib.Path, kind: str
) -> None:
    path, largest = tmp_path / "counts", 2**31 - 3
    if kind == "tsv":
        path.write_text(f"0\t{largest}\t1\n")
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.table({"context": [0], "next": [largest], "count": [1]}), path)
    with pytest.raises(ValueError, match=f"far more than .* wanted vocab_size={largest + 1}"):
        _read(path, kind)
    with pytest.raises(ValueError, match="outside"):
        _read(path, kind, vocab_size=5)


def test_a_description_cannot_ask_for_more_than_the_file_holds(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    path.write_text('# bigram counts {"vocab_size": 5000000, "tokenizer": null}\n0\t1\t2\n')
    with pytest.raises(ValueError, match="wanted vocab_size=5000000 if they are meant"):
        BigramCounts.from_tsv(path)
    assert BigramCounts.from_tsv(path, vocab_size=5_000_000).vocab_size == 5_000_000


def _peak_of(path: pathlib.Path, kind: str) -> int:
    """Return by how many bytes memory grows while a file is refused."""
    pytest.importorskip("resource")
    code = (
        "import resource, sys, numpy, scipy.sparse\n"
        f"{'import pyarrow.parquet' if kind == 'parquet' else ''}\n"
        "from bigram import BigramCounts\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        f"try: BigramCounts.from_{kind}(sys.argv[1])\n"
        "except ValueError as error: assert 'refused' in str(error), error\n"
        "else: raise SystemExit('taken')\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


def test_an_npz_that_unpacks_to_a_thousand_times_its_size_is_refused(
    tmp_path: pathlib.Path,
) -> None:

    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in ("data", "indices", "indptr"):
            with archive.open(f"{part}.npy", "w") as file:
                head = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    head, {"descr": "<i8", "fortran_order": False, "shape": (1 << 25,)}
                )
                file.write(head.getvalue())
                for _ in range(256):
                    file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert _peak_of(path, "npz") < 50 << 20


def test_a_parquet_file_of_a_hundred_million_equal_rows_is_refused(
    tmp_path: pathlib.Path,
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "bomb.parquet"
    block = pa.table({name: np.zeros(1 << 22, np.int64) for name in ("context", "next", "count")})
    with pq.ParquetWriter(path, block.schema) as writer:
        for _ in range(24):
            writer.write_table(block)
    assert path.stat().st_size < 2 << 20
    assert _peak_of(path, "parquet") < 50 << 20


@pytest.mark.parametrize(
    "header",
    [b"{'descr': '<i8', 'fortran_order': False, 'shape': (1,", b"\x00" * 40, b"0x" + b" " * 60],
)
def test_a_damaged_header_in_an_npz_is_a_value_error(tmp_path: pathlib.Path, header: bytes) -> None:
    path = tmp_path / "counts.npz"
    BigramCounts(np.eye(3, dtype=int)).to_npz(path)
    with zipfile.ZipFile(path) as sound:
        parts = {name: sound.read(name) for name in sound.namelist()}
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    parts["indptr.npy"] = start + header + bytes(32)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match=r"not an \.npz file of counts, or damaged"):
        BigramCounts.from_npz(path)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr", "dia"])
def test_npz_files_of_every_layout_are_read(tmp_path: pathlib.Path, layout: str) -> None:
    table = np.random.default_rng(0).integers(0, 3, (6, 6)).astype(np.uint8)
    sp.save_npz(tmp_path / "a.npz", sp.coo_array(table).asformat(layout))
    assert np.array_equal(BigramCounts.from_npz(tmp_path / "a.npz").to_dense(), table)


def test_a_byte_order_mark_opens_a_tsv_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "counts"
    counts = bigram.count(["emma", "ava"])
    counts.to_tsv(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert BigramCounts.from_tsv(path) == counts
    for head in ("", "context\tnext\tcount\n"):
        path.write_text(f"\ufeff{head}0\t1\t2\n", encoding="utf-8")
        assert BigramCounts.from_tsv(path).to_dense().tolist() == [[0, 2], [0, 0]]
