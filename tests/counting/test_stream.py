"""Counting streams: sparse sums, spilling to disk, and going on after a kill."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram import BigramCounts
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
def test_a_stream_is_counted(
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


def test_an_empty_stream_is_counted(tmp_path: pathlib.Path) -> None:
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
def test_an_interrupted_count_goes_on(
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
def test_a_checkpoint_of_something_else_is_refused(tmp_path: pathlib.Path) -> None:
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


# ---- the function


@given(st.lists(st.text("abc", max_size=5), max_size=8))
def test_layouts_agree(texts: list[str]) -> None:
    tokenizer = bigram.CharTokenizer.from_texts(["abc"])
    expected = bigram.count(texts, tokenizer, layout="dense")
    assert isinstance(expected.matrix, np.ndarray)
    for options in ({}, {"memory_limit": 1}):
        sparse = bigram.count(texts, tokenizer, layout="sparse", **options)
        assert isinstance(sparse.matrix, sp.csr_array)
        assert sparse == expected
    assert isinstance(bigram.count(texts, layout="sparse").matrix, sp.csr_array)


def test_counts_go_to_a_file(tmp_path: pathlib.Path) -> None:
    tokenizer = bigram.CharTokenizer.from_texts(["abc"])
    for given_tokenizer in (None, tokenizer):
        for layout in ("dense", "sparse"):
            out = tmp_path / "out"
            counts = bigram.count(["abc", "b"], given_tokenizer, layout=layout, out=out)
            assert BigramCounts.load(out) == counts
            assert isinstance(counts.matrix, np.ndarray) == (layout == "dense")


def test_places_are_checked_before_counting(tmp_path: pathlib.Path) -> None:
    def texts() -> Iterator[str]:
        raise AssertionError("counting has begun")
        yield ""

    tokenizer = bigram.CharTokenizer.from_texts(["abc"])
    for place in (tmp_path, tmp_path / "missing" / "a"):
        for option in ("resume", "out"):
            with pytest.raises(OSError) as caught:
                bigram.count(texts(), tokenizer, **{option: place})
            assert caught.value.filename == str(place)
        with pytest.raises(OSError):
            bigram.merge(bigram.count(["abc"]), out=place)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(ValueError, match="resume and out are both"):
        bigram.count(texts(), tokenizer, resume=tmp_path / "link", out=tmp_path / "a")


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="layout = 'csr', wanted"):
        bigram.count(["a"], layout="csr")
    for wrong, error in ((0, ValueError), (1.5, TypeError), ("1G", TypeError), (True, TypeError)):
        with pytest.raises(error, match="memory_limit"):
            bigram.count(["a"], memory_limit=wrong)  # type: ignore[arg-type]


def test_resume_builds_the_vocabulary_only_of_what_can_be_read_again(
    tmp_path: pathlib.Path,
) -> None:
    records = [{"text": "abc"}]
    for again in (["abc"], bigram.Corpus.records(records)):
        assert bigram.count(again, resume=tmp_path / "a") == bigram.count(["abc"])
    for once in (
        iter(["abc"]),
        bigram.Corpus.records(iter(records)),
        bigram.Corpus.jsonl("-"),
        bigram.Corpus.lines("-"),
    ):
        with pytest.raises(ValueError, match="tokenizer is None, wanted one to resume"):
            bigram.count(once, resume=tmp_path / "a")


def modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.mark.skipif(os.name != "posix", reason="kills by POSIX signals")
@pytest.mark.parametrize("options", ["layout='dense'", "layout='sparse', memory_limit=10_000"])
def test_a_killed_count_loses_and_doubles_nothing(tmp_path: pathlib.Path, options: str) -> None:
    corpus, state, out = (str(tmp_path / name) for name in ("corpus", "state", "out"))
    rng = np.random.default_rng(0)
    words = rng.integers(97, 123, (60_000, 12), dtype=np.uint8)
    words[:, -1] = 10
    pathlib.Path(corpus).write_bytes(words.tobytes() * 4)
    code = f"""
        import time, bigram
        from bigram.corpus import blocks as streams
        from bigram.counting import count as counting
        from bigram.counting import stream as count_stream
        count_stream._CHUNK_TOKENS = count_stream._LEAST_TOKENS = 50_000
        count_stream._CHECKPOINT_SECONDS = count_stream._CHECKPOINT_SHARE = 0
        streams.BLOCK_BYTES = 20_000
        encode = counting.encode_corpus
        def slowly(*args, **options):
            for batch in encode(*args, **options):
                time.sleep(0.002)
                yield batch
        counting.encode_corpus = slowly
        tokenizer = bigram.CharTokenizer.from_texts(["abcdefghijklmnopqrstuvwxyz"])
        corpus = bigram.Corpus.lines({corpus!r})
        bigram.count(corpus, tokenizer, resume={state!r}, out={out!r}, {options})
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    rnd, resumed = random.Random(0), 0
    for _ in range(4):
        seen = modified(state)
        with subprocess.Popen(command) as process:
            # At a random moment after a checkpoint that is new.
            while process.poll() is None and modified(state) == seen:
                time.sleep(0.002)
            time.sleep(rnd.uniform(0.0, 0.05))
            process.send_signal(signal.SIGKILL)
        resumed += os.path.exists(state)
    assert resumed > 2
    subprocess.run(command, check=True)
    expected = bigram.count(bigram.Corpus.lines(corpus))
    assert BigramCounts.load(out) == expected
    assert sorted(os.listdir(tmp_path)) == ["corpus", "out"]
