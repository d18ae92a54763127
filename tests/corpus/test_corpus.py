"""Corpora: what can be one, and bounded memory."""

import subprocess
import sys
import textwrap

import pytest

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
