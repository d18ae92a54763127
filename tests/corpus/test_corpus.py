"""Corpora: what can be one, and bounded memory."""

import io
import subprocess
import sys
import tempfile
import textwrap

import pytest

import bigram
from bigram import Corpus
from bigram.corpus.corpus import as_corpus


@pytest.mark.parametrize("bad", ["abc", b"abc"])
def test_a_single_text_is_not_a_corpus(bad: object) -> None:
    with pytest.raises(TypeError, match=r"pass \[text\] or Corpus\.lines\(path\)"):
        as_corpus(bad)


def test_paths_numbers_and_mappings_are_not_corpora(tmp_path) -> None:
    with pytest.raises(TypeError, match=r"Corpus\.lines\(path\)"):
        as_corpus(tmp_path)
    for bad in (3, {"a": 1}, None):
        with pytest.raises(TypeError, match="iterable of str"):
            as_corpus(bad)
    with pytest.raises(TypeError, match=r"texts\[1\] is int"):
        list(as_corpus(["a", 3]))


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


def test_a_table_is_not_read_as_the_names_of_its_columns() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"text": ["emma", "ava"], "id": [1, 2]})
    for call in (bigram.count, bigram.CountModel().fit, bigram.WordTokenizer.from_texts):
        with pytest.raises(TypeError, match=r"corpus is DataFrame, wanted one column of it"):
            call(frame)
    assert bigram.count(frame["text"]) == bigram.count(["emma", "ava"])


@pytest.mark.parametrize("newline", [None, "", "\n"])
def test_an_open_file_of_text_is_its_lines(tmp_path, newline) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfemma\r\n\r\nava\r\nend")
    expected = list(Corpus.lines(path))
    with path.open(encoding="utf-8", newline=newline) as file:
        assert list(as_corpus(file)) == expected == ["emma", "", "ava", "end"]
    with path.open(encoding="utf-8", newline=newline) as file:
        assert bigram.count(file) == bigram.count(expected)
    assert bigram.count(io.StringIO("ab\nb\n")) == bigram.count(["ab", "b"])
    with path.open("rb") as file, pytest.raises(TypeError, match="an open file of bytes, wanted"):
        bigram.count(file)
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as file:
        file.write("ab\nb\n")
        file.seek(0)
        assert bigram.count(file) == bigram.count(["ab", "b"])
