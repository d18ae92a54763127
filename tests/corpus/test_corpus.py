"""Corpora: what is a sequence, in files of every shape, streamed with bounded memory."""

import gzip
import io
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram.corpus import blocks as streams
from bigram.corpus import text_sources as sources
from bigram.corpus.corpus import Corpus, as_corpus
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.encoding import encode_corpus
from bigram.tokenizers.errors import UnknownSymbolError


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few bytes, so that every kind of edge occurs."""

    def set_size(size: int) -> None:
        monkeypatch.setattr(streams, "BLOCK_BYTES", size)
        monkeypatch.setattr(sources, "BLOCK_BYTES", size)
        monkeypatch.setattr(streams, "_spare", [])

    return set_size


def write(path, data: bytes):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"\n\n", ["", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\r\nb\rc\r", ["a\r", "b\rc"]),
        (b"\r", [""]),
        (b"\r\n", [""]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf", []),
        (b"a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f", ["a\x0bb\x0cc\x1cd\x85e\u2028f"]),
        (b"a\0b\n", ["a\0b"]),
        ("日本\néé\n".encode(), ["日本", "éé"]),
    ],
)
def test_what_a_line_is(tmp_path, small_blocks, data: bytes, texts: list[str]) -> None:
    path = write(tmp_path / "a.txt", data)
    assert list(Corpus.lines(path)) == texts
    for size in range(4, 9):
        small_blocks(size)
        assert list(Corpus.lines(path)) == texts


@pytest.mark.parametrize("path", [3, None, b"names.txt"])
def test_what_is_no_path_is_named(path) -> None:
    kind = type(path).__name__
    with pytest.raises(TypeError, match=f"path is {kind}, wanted str or PathLike"):
        Corpus.lines(path)


def test_running_text_keeps_its_bytes(tmp_path, small_blocks) -> None:
    path = write(tmp_path / "a.txt", "\ufeffa\r\n\r\nçb\r".encode())
    for size in (1 << 20, 4, 5, 6):
        small_blocks(size)
        assert list(Corpus.text(path)) == ["a\r\n\r\nçb\r"]
        assert list(Corpus.text([path, str(path)])) == ["a\r\n\r\nçb\r"] * 2
    assert list(Corpus.text(write(tmp_path / "b.txt", b""))) == [""]


@given(st.text(), st.integers(4, 12))
def test_blocks_lose_nothing(tmp_path_factory, text: str, size: int) -> None:
    path = tmp_path_factory.mktemp("t") / "a.txt"
    data = text.encode()
    path.write_bytes(data)
    before, streams._spare[:] = streams.BLOCK_BYTES, []
    streams.BLOCK_BYTES = sources.BLOCK_BYTES = size
    try:
        assert "".join(Corpus.text(path)) == text.removeprefix("\ufeff")
        lines = text.removeprefix("\ufeff").split("\n")
        if lines[-1] == "":
            lines.pop()
        assert list(Corpus.lines(path)) == [line.removesuffix("\r") for line in lines]
    finally:
        streams.BLOCK_BYTES = sources.BLOCK_BYTES = before
        streams._spare[:] = []


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


def test_zstandard(tmp_path) -> None:
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


def test_files_that_cannot_be_read(tmp_path) -> None:
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


@pytest.mark.parametrize("kind", ["lines", "text"])
@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"abc\xff", 3),
        (b"ab\r\n\nc\xe9d\n", 6),
        (b"\xef\xbb\xbf\x80", 3),
        (b"a\n\xe2\x82", 2),
        (b"\xed\xa0\x80", 0),
        ("日本日本日本".encode() + b"\xc0\xaf", 18),
    ],
)
def test_invalid_utf8(tmp_path, small_blocks, kind: str, data: bytes, offset: int) -> None:
    path = write(tmp_path / "a.txt", data)
    open_corpus = getattr(Corpus, kind)
    for size in (1 << 20, 4, 7):
        small_blocks(size)
        with pytest.raises(ValueError, match=rf"a\.txt: byte {offset} "):
            list(open_corpus(path))
        replaced = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        joined = "".join(open_corpus(path, errors="replace"))
        assert joined == (replaced if kind == "text" else "".join(replaced.split()))


def test_one_bad_byte_is_found_after_many_blocks(tmp_path) -> None:
    path = write(tmp_path / "a.txt", b"abcdefg\n" * 400_000 + b"ab\xffcd\n")
    with pytest.raises(ValueError, match="byte 3200002 "):
        list(encode_corpus(Corpus.lines(path), ByteTokenizer("\n")))


@pytest.mark.parametrize("bad", ["abc", b"abc"])
def test_a_single_text_is_no_corpus(bad: object) -> None:
    with pytest.raises(TypeError, match=r"pass \[text\] or Corpus\.lines\(path\)"):
        as_corpus(bad)


def test_what_is_no_corpus(tmp_path) -> None:
    with pytest.raises(TypeError, match=r"Corpus\.lines\(path\)"):
        as_corpus(tmp_path)
    for bad in (3, {"a": 1}, None):
        with pytest.raises(TypeError, match="iterable of str"):
            as_corpus(bad)
    with pytest.raises(TypeError, match=r"texts\[1\] is int"):
        list(as_corpus(["a", 3]))


def rebuilt(batches, boundary: int | None) -> list[list[int]]:
    """Put the sequences of batches together again, checking how they go on."""
    result: list[list[int]] = []
    for batch in batches:
        assert batch.offsets.dtype == np.int64
        assert batch.offsets[0] == 0
        assert batch.offsets[-1] == len(batch.tokens)
        parts = [
            batch.tokens[a:b].tolist()
            for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)
        ]
        going_on = len(parts) - batch.num_sequences
        assert going_on in (0, 1)
        if going_on:
            first = parts.pop(0)
            assert result[-1][-1:] == first[:1]
            result[-1] += first[1:]
        result += parts
    return result


@pytest.mark.parametrize("size", [4, 5, 7, 11, 1 << 20])
@pytest.mark.parametrize("kind", ["lines", "text", "list"])
@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer.from_symbols("abcdé日\n\r ", boundary="."),
        CharTokenizer.from_symbols("abcdé日", unknown="<unk>"),
        ByteTokenizer(),
        ByteTokenizer("."),
    ],
)
def test_batches_hold_every_pair_once(tmp_path, small_blocks, size, kind, tokenizer) -> None:
    small_blocks(size)
    text = "ab\n\nabcdabcdabcd\né日\nabcdé日abcdé日abcd\r\na\n"
    path = write(tmp_path / "a.txt", text.encode())
    if kind == "list":
        corpus, texts = text.split("\n"), text.split("\n")
    else:
        corpus = getattr(Corpus, kind)([path, path])
        texts = list(corpus)
    b = tokenizer.boundary_id
    ends = [] if b is None else [b]
    batches = list(encode_corpus(corpus, tokenizer))
    expected = [ends + tokenizer.encode(t).tolist() + ends for t in texts]
    assert rebuilt(batches, b) == expected
    assert sum(batch.num_sequences for batch in batches) == len(texts)
    assert sum(batch.num_bytes for batch in batches) == sum(len(t.encode()) for t in texts)
    unknown = tokenizer.unknown_id
    assert sum(batch.num_unknown for batch in batches) == sum(
        part.count(unknown) for part in expected
    )


def test_errors_in_files_say_where(tmp_path, small_blocks) -> None:
    tokenizer = CharTokenizer.from_texts(["abc"])
    first = write(tmp_path / "1.txt", b"abc\nabc\n")
    second = write(tmp_path / "2.txt", b"ab\n" * 5 + b"abcabcabcabcabc-\n")
    for size in (1 << 20, 5):
        small_blocks(size)
        with pytest.raises(UnknownSymbolError, match=r"2\.txt: line 6 has '-'") as caught:
            list(encode_corpus(Corpus.lines([first, second]), tokenizer))
        assert (caught.value.text_index, caught.value.position) == (7, 15)
    with pytest.raises(UnknownSymbolError, match=r"texts\[300\] has '-'"):
        list(encode_corpus(["abc"] * 300 + ["-"], tokenizer))
    second.write_bytes(b"a\nb.\n")
    with pytest.raises(ValueError, match=r"2\.txt: line 2 .* boundary symbol '\.' at position 1"):
        list(encode_corpus(Corpus.lines(second), tokenizer))


def test_iterables_are_read_once_and_lazily() -> None:
    def texts():
        for i in range(100_000):
            taken.append(i)
            yield "ab"

    taken: list[int] = []
    batches = encode_corpus(texts(), CharTokenizer.from_texts(["ab"]))
    started = next(batches).num_sequences
    assert len(taken) < 1000
    assert started + sum(batch.num_sequences for batch in batches) == 100_000


@pytest.mark.parametrize("kind", ["lines", "text"])
def test_memory_is_bounded_even_for_one_giant_line(tmp_path, kind: str) -> None:
    pytest.importorskip("resource")
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"abcdefg\xc3\xa9" * (1 << 17))
    script = f"""
        import bigram, resource
        from bigram.corpus.corpus import Corpus
        from bigram.tokenizers.encoding import encode_corpus
        from bigram.tokenizers.char import CharTokenizer
        corpus = Corpus.{kind}({str(path)!r})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        counts = bigram.count(corpus)
        assert counts.vocab_size == {9 if kind == "lines" else 8}, counts
        total = sum(len(b.tokens) for b in encode_corpus(corpus, counts.tokenizer))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert after - before < 60_000, (before, after)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
