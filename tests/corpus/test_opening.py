"""Files: patterns, compression, standard input, and those that cannot be read."""

import contextlib
import gzip
import io
import os
import sys
import threading

import pytest

import bigram
from bigram.common import waiting
from bigram.corpus.corpus import Corpus


def write(path, data: bytes):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("path", [3, None, b"names.txt"])
def test_what_is_not_a_path_is_a_type_error(path) -> None:
    kind = type(path).__name__
    with pytest.raises(TypeError, match=f"path is {kind}, wanted str or PathLike"):
        Corpus.lines(path)


def test_compressed_files_globs_and_standard_input(tmp_path, monkeypatch) -> None:
    plain = write(tmp_path / "1.txt", b"a\nb")
    packed = tmp_path / "2.txt.gz"
    packed.write_bytes(gzip.compress(b"c\n"))
    assert list(Corpus.lines([plain, packed])) == ["a", "b", "c"]
    assert list(Corpus.lines(str(tmp_path / "*.txt*"))) == ["a", "b", "c"]
    odd = write(tmp_path / "[x].txt", b"d")
    assert list(Corpus.lines(odd)) == ["d"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"e\r\nf")))
    assert list(Corpus.lines("-")) == ["e", "f"]
    monkeypatch.setattr("sys.stdin", io.StringIO("é\n"))
    assert list(Corpus.lines("-")) == ["é"]


def test_zstandard_files_are_read_whole_or_refused(tmp_path) -> None:
    zstd = pytest.importorskip(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )
    path = tmp_path / "a.zst"
    frames = zstd.compress(b"a\n") + zstd.compress(b"b\n")
    path.write_bytes(frames)
    assert list(Corpus.lines(path)) == ["a", "b"]
    long = ("né\n" * 700_000).encode()
    path.write_bytes(zstd.compress(long[:1_000_001]) + zstd.compress(long[1_000_001:]))
    assert list(Corpus.lines(path)) == ["né"] * 700_000
    whole = path.read_bytes()
    for damaged in (b"not compressed", frames[:-1], frames[:3], whole[:-5], frames + b"more", b""):
        path.write_bytes(damaged)
        with pytest.raises(OSError, match=r"a\.zst"):
            list(Corpus.lines(path))


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        list(Corpus.lines(tmp_path / "none.txt"))
    with pytest.raises(FileNotFoundError, match="no file matches"):
        Corpus.lines(tmp_path / "*.none")
    with pytest.raises(IsADirectoryError):
        list(Corpus.lines(tmp_path))
    whole = gzip.compress(b"abc" * 1000)
    for damaged in (whole[:-9], b"not a gzip", whole[:10] + b"\xff\xff\xff" + whole[13:]):
        with pytest.raises(OSError, match=r"a\.gz"):
            list(Corpus.lines(write(tmp_path / "a.gz", damaged)))
    with pytest.raises(ValueError, match="empty"):
        Corpus.lines([])
    with pytest.raises(TypeError, match="int"):
        Corpus.lines([3])
    with pytest.raises(ValueError, match="errors = 'ignore'"):
        Corpus.lines("a", errors="ignore")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_wait_for_a_writer_is_announced(tmp_path, monkeypatch, ending) -> None:
    if ending == ".zst" and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    monkeypatch.setattr(waiting, "_SECONDS", 0.05)
    seen = threading.Event()
    monkeypatch.setattr(waiting, "_warn", lambda path: seen.set())
    path = tmp_path / f"pipe{ending}"
    os.mkfifo(path)

    def write() -> None:
        seen.wait(20)
        path.write_bytes(b"not packed")

    writer = threading.Thread(target=write)
    writer.start()
    with contextlib.suppress(OSError):
        assert list(Corpus.lines(path)) == ["not packed"]
    writer.join()
    assert seen.is_set()


def test_token_ids_are_read_from_regular_files_only(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: is not a regular file, wanted a file of token ids"):
        bigram.count(Corpus.shards(tmp_path / "pipe", vocab_size=9))
