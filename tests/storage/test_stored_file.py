"""Files that are replaced while they are read."""

from __future__ import annotations

import gc
import os
import pathlib
import threading
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import BigramCounts
from bigram.storage import stored_file
from bigram.storage.container import load_arrays, open_arrays, save_arrays
from bigram.storage.stored_file import StoredFile

posix = pytest.mark.skipif(os.name != "posix", reason="an open file cannot be replaced")


def _save(path: pathlib.Path, value: int) -> None:
    arrays = {name: np.full(1000, value) for name in ("a", "b", "c")}
    save_arrays(path, "counts", arrays, {"value": value})


@posix
@pytest.mark.parametrize("read", ["load", "memmap", "read"])
def test_arrays_are_of_the_version_whose_header_was_read(tmp_path: pathlib.Path, read: str) -> None:
    path = tmp_path / "a"
    _save(path, 1)
    _, stored, header = open_arrays(path)
    _save(path, 2)
    assert header["value"] == 1
    for array in stored.values():
        array.verify()
        assert (getattr(array, read)() == 1).all()
    assert load_arrays(path)[1]["a"][0] == 2


@posix
def test_the_header_that_the_library_checks_is_of_that_version_too(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors

    path = tmp_path / "a"
    _save(path, 1)
    safe_open = safetensors.safe_open

    def replaced(name: str, **options: Any) -> Any:
        path.with_name("b").write_bytes(b"no safetensors")
        os.replace(path.with_name("b"), path)
        return safe_open(name, **options)

    monkeypatch.setattr(safetensors, "safe_open", replaced)
    assert load_arrays(path)[2]["value"] == 1


@posix
def test_counts_loaded_and_merged_while_they_are_replaced_are_of_one_version(
    tmp_path: pathlib.Path, zipf_counts: Any
) -> None:
    path = tmp_path / "counts"
    versions = [BigramCounts(zipf_counts(5000, 20_000, seed)) for seed in range(2)]
    versions[0].save(path)
    stop = threading.Event()

    def replace() -> None:
        while not stop.is_set():
            for counts in versions:
                counts.save(path)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(150):
            assert BigramCounts.load(path) in versions
            assert bigram.merge(path) in versions
    finally:
        stop.set()
        writer.join()


def test_descriptors_are_given_back(tmp_path: pathlib.Path) -> None:
    _save(tmp_path / "a", 1)
    gc.collect()
    before = len(stored_file._held)
    stored = [open_arrays(tmp_path / "a")[1] for _ in range(20)]
    assert len(stored_file._held) == before + 20
    del stored
    gc.collect()
    assert len(stored_file._held) == before


def test_more_files_than_a_process_may_open_are_merged(
    tmp_path: pathlib.Path, zipf_counts: Any
) -> None:
    resource = pytest.importorskip("resource")
    counts = BigramCounts(zipf_counts(50, 100, 0))
    for k in range(300):
        counts.save(tmp_path / str(k))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        assert bigram.merge(*(tmp_path / str(k) for k in range(300))).total == 300 * counts.total
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@posix
def test_a_file_that_is_not_held_is_refused_once_it_is_another(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_file, "_MOST_HELD", 0)
    path = tmp_path / "a"
    path.write_bytes(b"before")
    file, target = StoredFile(path), bytearray(6)
    file.read_into(memoryview(target), 0)
    assert target == b"before"
    path.with_name("b").write_bytes(b"after!")
    os.replace(path.with_name("b"), path)
    with pytest.raises(ValueError, match="replaced while it was read"):
        file.read_into(memoryview(target), 0)


def test_a_large_header_is_refused_before_it_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    with open(path, "wb") as file:
        file.write((60_000_000).to_bytes(8, "little") + b"{" + b" " * 10)
        file.truncate(60_000_008)
    with pytest.raises(ValueError, match="a header of 60000000 bytes, wanted at most"):
        load_arrays(path)
