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
