"""`bigram.count`: layouts, files, checkpoints, and kills."""

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

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram import BigramCounts


@given(st.lists(st.text("abc", max_size=5), max_size=8))
def test_layouts_give_equal_counts(texts: list[str]) -> None:
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


def test_files_are_checked_before_counting(tmp_path: pathlib.Path) -> None:
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
    with pytest.raises(ValueError, match=r"resume = '.*a', wanted another file than out"):
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
def test_a_killed_count_loses_no_pair_and_doubles_none(
    tmp_path: pathlib.Path, options: str
) -> None:
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
