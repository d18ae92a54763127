"""Text files and iterables: what a sequence is."""

import pytest

from bigram.corpus.corpus import Corpus


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
def test_lines_end_at_newlines_only(tmp_path, small_blocks, data: bytes, texts: list[str]) -> None:
    path = write(tmp_path / "a.txt", data)
    assert list(Corpus.lines(path)) == texts
    for size in range(4, 9):
        small_blocks(size)
        assert list(Corpus.lines(path)) == texts


def test_running_text_keeps_every_character(tmp_path, small_blocks) -> None:
    path = write(tmp_path / "a.txt", "\ufeffa\r\n\r\nçb\r".encode())
    for size in (1 << 20, 4, 5, 6):
        small_blocks(size)
        assert list(Corpus.text(path)) == ["a\r\n\r\nçb\r"]
        assert list(Corpus.text([path, str(path)])) == ["a\r\n\r\nçb\r"] * 2
    assert list(Corpus.text(write(tmp_path / "b.txt", b""))) == [""]
