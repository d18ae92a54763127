"""Streams of batches: sparse sums, spilling to disk, and resuming."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import bigram
from bigram.counting import stream as count_stream
from bigram.counting.stream import CountStream
from bigram.storage.container import load_arrays, save_arrays
from bigram.tokenizers.encoding import TokenBatch

VOCAB_SIZE = 300


def make_batches(seed: int, num_batches: int, size: int = 500) -> list[TokenBatch]:
    rng = np.random.default_rng(seed)
    batches = []
    for _ in range(num_batches):
        tokens = np.minimum(rng.zipf(1.5, size) - 1, VOCAB_SIZE - 1).astype(np.uint16)
        cuts = np.sort(rng.integers(0, size, 3))
        batches.append(TokenBatch(tokens, np.array([0, *cuts, size]), 4, size, 0))
    return batches


def expected_counts(batches: list[TokenBatch]) -> np.ndarray[Any, Any]:
    table = np.zeros((VOCAB_SIZE, VOCAB_SIZE), np.int64)
    for batch in batches:
        for start, stop in zip(batch.offsets[:-1], batch.offsets[1:], strict=True):
            part = batch.tokens[start:stop]
            np.add.at(table, (part[:-1], part[1:]), 1)
    return table


def dense(matrix: Any) -> np.ndarray[Any, Any]:
    return matrix.toarray() if sp.issparse(matrix) else matrix


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_stream, "_CHUNK_TOKENS", 1000)
    monkeypatch.setattr(count_stream, "_LEAST_TOKENS", 1000)
    monkeypatch.setattr(count_stream, "_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(count_stream, "_CHECKPOINT_SHARE", 0)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("is_dense", [True, False])
@pytest.mark.parametrize("memory_limit", [None, 1, 60_000])
def test_a_stream_is_counted_in_any_layout_and_memory(
    tmp_path: pathlib.Path, is_dense: bool, memory_limit: int | None
) -> None:
    batches = make_batches(0, 20)
    for out in (None, tmp_path / "out"):
        with CountStream(VOCAB_SIZE, dense=is_dense, memory_limit=memory_limit) as stream:
            stream.feed(batches)
            matrix = stream.result(None if is_dense else out)
        assert np.array_equal(dense(matrix), expected_counts(batches))
        if not is_dense:
            assert matrix.has_canonical_format
            assert (out is not None) == (os.listdir(tmp_path) == ["out"])


def test_an_empty_stream_has_no_counts(tmp_path: pathlib.Path) -> None:
    for memory_limit in (None, 1):
        for out in (None, tmp_path / "out"):
            with CountStream(5, dense=False, memory_limit=memory_limit) as stream:
                stream.feed([])
                assert not stream.result(out).toarray().any()


def interrupted(batches: list[TokenBatch], stop: int) -> Iterator[TokenBatch]:
    yield from batches[:stop]
    raise KeyboardInterrupt


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("is_dense", [True, False])
@pytest.mark.parametrize("memory_limit", [None, 1, 60_000])
def test_an_interrupted_count_resumes(
    tmp_path: pathlib.Path, is_dense: bool, memory_limit: int | None
) -> None:
    batches = make_batches(1, 20)
    options: dict[str, Any] = {"dense": is_dense, "memory_limit": memory_limit}
    options["resume"] = tmp_path / "state"
    for stop in (0, 3, 3, 8, 15):
        with pytest.raises(KeyboardInterrupt), CountStream(VOCAB_SIZE, **options) as stream:
            stream.feed(interrupted(batches, stop))
    with CountStream(VOCAB_SIZE, **options) as stream:
        counted = []
        count = stream._count
        stream._count = lambda part: (counted.extend(part), count(part))  # type: ignore[method-assign]
        stream.feed(batches)
        assert np.array_equal(dense(stream.result()), expected_counts(batches))
    # What had been counted is not counted again: 5 batches are new, and a chunk is 8 at most.
    assert len(counted) <= 13
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("small_chunks")
def test_a_checkpoint_of_another_count_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state"
    batches = make_batches(2, 9)

    def attempt(vocab_size: int = VOCAB_SIZE, *, dense: bool = False, **options: Any) -> None:
        with CountStream(vocab_size, dense=dense, resume=path, **options) as stream:
            stream.feed(interrupted(batches, 9))

    with pytest.raises(KeyboardInterrupt):
        attempt()
    for change in ({"vocab_size": 400}, {"dense": True}, {"header": {"tokenizer": None}}):
        with pytest.raises(ValueError, match="another tokenizer or other options"):
            attempt(**change)
    batches[1].tokens[7] ^= 1
    with pytest.raises(ValueError, match="the corpus differs"):
        attempt()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        attempt()
    bigram.datasets.load_makemore_counts().save(path)
    with pytest.raises(ValueError, match="holds 'counts', wanted 'checkpoint'"):
        attempt()


def _spilled(path: pathlib.Path) -> list[TokenBatch]:
    """Interrupt a count that has written runs; return its batches."""
    batches = make_batches(3, 20)
    with (
        pytest.raises(KeyboardInterrupt),
        CountStream(VOCAB_SIZE, dense=False, memory_limit=1, resume=path) as stream,
    ):
        stream.feed(interrupted(batches, 15))
    assert len(list(path.with_name("state.runs").glob("run-*"))) > 3
    return batches


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_folder_that_no_count_made_is_refused_and_left_alone(
    tmp_path: pathlib.Path, kind: str
) -> None:
    mine = tmp_path / "state.runs"
    if kind == "file":
        mine.write_text("thesis")
    else:
        folder = mine if kind == "folder" else tmp_path / "elsewhere"
        folder.mkdir()
        (folder / "run-000000").write_text("thesis")
        if kind == "link":
            mine.symlink_to(folder)
    options: dict[str, Any] = {"dense": False, "memory_limit": 1, "resume": tmp_path / "state"}
    with pytest.raises(FileExistsError, match=r"not made by a count.*state\.runs"):
        _resumed(make_batches(0, 9), **options)
    assert (mine if kind == "file" else mine / "run-000000").read_text() == "thesis"


@pytest.mark.usefixtures("small_chunks")
def test_files_of_others_in_the_folder_of_runs_stay(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state"
    batches = _spilled(path)
    note = tmp_path / "state.runs" / "notes.txt"
    note.write_text("mine")
    with CountStream(VOCAB_SIZE, dense=False, memory_limit=1, resume=path) as stream:
        stream.feed(batches)
        assert np.array_equal(dense(stream.result()), expected_counts(batches))
    assert os.listdir(tmp_path) == ["state.runs"]
    assert note.read_text() == "mine"


@pytest.mark.usefixtures("small_chunks")
def test_a_folder_of_runs_from_before_it_was_marked_is_taken_up(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state"
    batches = _spilled(path)
    (tmp_path / "state.runs" / "made-by-bigram").unlink()
    with CountStream(VOCAB_SIZE, dense=False, memory_limit=1, resume=path) as stream:
        stream.feed(batches)
        assert np.array_equal(dense(stream.result()), expected_counts(batches))
    assert os.listdir(tmp_path) == []


def _resumed(batches: list[TokenBatch], **options: Any) -> np.ndarray[Any, Any]:
    with CountStream(VOCAB_SIZE, **options) as stream:
        stream.feed(batches)
        return dense(stream.result())


def _cast(name: str, dtype: Any) -> Any:
    return lambda arrays, _: arrays.update({name: arrays[name].astype(dtype)})


def _cut(name: str) -> Any:
    return lambda arrays, _: arrays.update({name: arrays[name][:-1]})


def _put(name: str, at: Any, value: Any) -> Any:
    return lambda arrays, _: arrays[name].__setitem__(at, value)


def _say(**header: Any) -> Any:
    return lambda _, found: found.update(header)


# Edits of a checkpoint that its checksums find sound: of its arrays, and of its header.
_EDITS: dict[str, tuple[bool | None, Any]] = {
    "matrix: int16": (True, _cast("matrix", np.int16)),
    "matrix: shape": (True, _cut("matrix")),
    "matrix: negative": (True, _put("matrix", (0, 0), -1)),
    "index beyond V": (False, _put("indices", -1, VOCAB_SIZE)),
    "index repeated": (False, lambda arrays, _: arrays["indices"][:2].fill(1)),
    "indices: int16": (False, _cast("indices", np.int16)),
    "indptr: shape": (False, _cut("indptr")),
    "counts: negative": (False, _put("counts", 0, -1)),
    "counts: missing": (False, lambda arrays, _: arrays.pop("counts")),
    "position: negative": (True, _say(batches_done=-1)),
    "position: missing": (True, lambda _, header: header.pop("batches_done")),
    "checksum: str": (True, _say(crc32="x")),
    "runs: str": (False, _say(runs="run-000000")),
    "runs: absolute": (False, _say(runs=[os.path.abspath("state.runs/run-000000")])),
    "runs: parent": (False, _say(runs=["../run-000000"])),
    "runs: gone": (False, _say(runs=["run-000123"])),
}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("edit", _EDITS)
def test_a_checkpoint_that_is_not_sound_is_refused(tmp_path: pathlib.Path, edit: str) -> None:
    path, batches = tmp_path / "state", make_batches(2, 9)
    is_dense, change = _EDITS[edit]
    options: dict[str, Any] = {"dense": is_dense, "resume": path}
    with pytest.raises(KeyboardInterrupt), CountStream(VOCAB_SIZE, **options) as stream:
        stream.feed(interrupted(batches, 9))
    _, arrays, header = load_arrays(path)
    del header["provenance"]
    change(arrays, header)
    save_arrays(path, "checkpoint", arrays, header)
    with pytest.raises((ValueError, FileNotFoundError), match=r"state.*damaged|run-000123"):
        _resumed(batches, **options)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("damage", ["flipped", "beyond", "other ids"])
def test_a_run_that_is_not_sound_is_refused(tmp_path: pathlib.Path, damage: str) -> None:
    path = tmp_path / "state"
    batches = _spilled(path)
    run = tmp_path / "state.runs" / "run-000001"
    if damage == "flipped":
        data = bytearray(run.read_bytes())
        data[-1] ^= 1
        run.write_bytes(data)
    else:
        _, arrays, header = load_arrays(run)
        del header["provenance"]
        if damage == "beyond":
            arrays["indices"][-1] = VOCAB_SIZE
        else:
            arrays["indptr"], header["vocab_size"] = arrays["indptr"][:-1], VOCAB_SIZE - 1
        save_arrays(run, "counts", arrays, header)
    with pytest.raises(ValueError, match=r"run-000001|outside"):
        _resumed(batches, dense=False, memory_limit=1, resume=path)
