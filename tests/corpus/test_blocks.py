"""Blocks of bytes: nothing is lost at their edges, and invalid UTF-8 is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram.corpus import blocks as streams
from bigram.corpus import text_sources as sources
from bigram.corpus.corpus import Corpus
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.encoding import encode_corpus


def write(path, data: bytes):
    path.write_bytes(data)
    return path


@given(st.text(), st.integers(4, 12))
def test_blocks_lose_no_character(tmp_path_factory, text: str, size: int) -> None:
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
def test_invalid_utf8_is_an_error_with_its_byte_or_replaced(
    tmp_path, small_blocks, kind: str, data: bytes, offset: int
) -> None:
    path = write(tmp_path / "a.txt", data)
    open_corpus = getattr(Corpus, kind)
    for size in (1 << 20, 4, 7):
        small_blocks(size)
        with pytest.raises(ValueError, match=rf"a\.txt: byte {offset} "):
            list(open_corpus(path))
        replaced = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        joined = "".join(open_corpus(path, errors="replace"))
        assert joined == (replaced if kind == "text" else "".join(replaced.split()))


def test_an_invalid_byte_is_found_after_many_blocks(tmp_path) -> None:
    path = write(tmp_path / "a.txt", b"abcdefg\n" * 400_000 + b"ab\xffcd\n")
    with pytest.raises(ValueError, match="byte 3200002 "):
        list(encode_corpus(Corpus.lines(path), ByteTokenizer("\n")))
