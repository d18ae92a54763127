"""Counts: what is counted, by every path, and what is refused."""

import gzip
import io
import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram import BigramCounts, count
from bigram.corpus import blocks as streams
from bigram.corpus import text_sources as sources
from bigram.corpus.corpus import Corpus
from bigram.counting import code_points as point_counting
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.errors import UnknownSymbolError


def pairs(texts: list[str], boundary: str | None) -> Counter:
    """Count by the book: one Python loop over characters."""
    found: Counter = Counter()
    for text in texts:
        symbols = [*text] if boundary is None else [boundary, *text, boundary]
        found.update(itertools.pairwise(symbols))
    return found


def as_pairs(counts: BigramCounts) -> Counter:
    vocab = counts.tokenizer.vocab
    matrix = counts.to_scipy().tocoo()
    entries = zip(matrix.row, matrix.col, matrix.data, strict=True)
    return Counter({(vocab[i], vocab[j]): int(number) for i, j, number in entries if number})


def test_names_give_the_lecture_counts(names_path) -> None:
    counts = count(Corpus.lines(names_path))
    assert counts.total == 228_146
    assert counts.tokenizer == CharTokenizer.from_symbols(
        "abcdefghijklmnopqrstuvwxyz", boundary="."
    )
    names = names_path.read_text().split()
    for other in (
        count(names),
        count(iter(names)),
        count(Corpus.lines(names_path), counts.tokenizer),
        count(names, counts.tokenizer),
    ):
        assert other == counts
    assert as_pairs(counts) == pairs(names, ".")


def test_shakespeare_is_running_text(shakespeare_path) -> None:
    counts = count(Corpus.text(shakespeare_path))
    assert counts.vocab_size == 65
    assert counts.total == 1_115_393
    assert counts.tokenizer.boundary_id is None
    text = shakespeare_path.read_text()
    assert as_pairs(counts) == pairs([text], None)
    assert count(Corpus.text(shakespeare_path), counts.tokenizer) == counts
    assert count([text], counts.tokenizer) == counts


@given(
    st.lists(st.text(st.sampled_from("ab\r. é日👍\0")), max_size=8),
    st.booleans(),
    st.sampled_from([4, 5, 9, 1 << 20]),
)
def test_every_kind_of_source_gives_the_same_counts(tmp_path_factory, texts, end, size) -> None:
    texts = [text.rstrip("\r") for text in texts]  # one would be part of the line end
    path = tmp_path_factory.mktemp("t") / "a.txt"
    path.write_bytes(("\n".join(texts) + "\n" * (end and bool(texts))).encode())
    if not end and texts and texts[-1] == "":
        texts.pop()
    before, streams._spare[:] = streams.BLOCK_BYTES, []
    streams.BLOCK_BYTES = sources.BLOCK_BYTES = size
    try:
        lines = count(Corpus.lines(path))
        assert as_pairs(lines) == pairs(texts, lines.tokenizer.boundary)
        assert lines.tokenizer.boundary == ("\n" if any("." in t for t in texts) else ".")
        assert count(texts) == lines
        assert count(iter(texts), lines.tokenizer) == lines
        assert count(Corpus.lines(path), lines.tokenizer) == lines

        plain = [text.encode() for text in texts]
        by_byte = count(Corpus.lines(path), ByteTokenizer(255))
        assert by_byte == count(texts, ByteTokenizer(255))
        assert by_byte.total == sum(map(len, plain)) + len(plain)

        whole = path.read_bytes().decode()
        if whole:
            running = count(Corpus.text([path, path]))
            assert as_pairs(running) == pairs([whole, whole], None)
            assert set(running.tokenizer.vocab) == set(whole)
            assert count(Corpus.text([path, path]), running.tokenizer) == running
            assert count([whole, whole], running.tokenizer) == running
        tokenizer = CharTokenizer.from_symbols("ab", unknown="<unk>", boundary="\n")
        known = count(Corpus.lines(path), tokenizer)
        assert known == count(texts, tokenizer)
        assert known.total == lines.total
        assert count(Corpus.text(path), ByteTokenizer()).total == max(0, len(whole.encode()) - 1)
    finally:
        streams.BLOCK_BYTES = sources.BLOCK_BYTES = before
        streams._spare[:] = []


def test_the_boundary_is_the_first_that_does_not_occur() -> None:
    assert count(["ab"]).tokenizer.boundary == "."
    assert count(["a.b"]).tokenizer.boundary == "\n"
    assert count(["a.b", "\n"]).tokenizer.boundary == "\0"
    assert count(["a.é", "\n"]).tokenizer.boundary == "\0"
    with pytest.raises(ValueError, match="pass a tokenizer"):
        count(["a.b", "\n", "\0"])


def test_small_and_empty_corpora_are_counted(tmp_path) -> None:
    for corpus in ([], iter([]), Corpus.lines(tmp_path / "e")):
        (tmp_path / "e").write_bytes(b"")
        empty = count(corpus)
        assert empty.tokenizer.vocab == (".",)
        assert empty.matrix.tolist() == [[0]]
    assert count([""]).matrix.tolist() == [[1]]
    with pytest.raises(ValueError, match="empty"):
        count(Corpus.text(tmp_path / "e"))
    for symbol in ("a", "é"):
        (tmp_path / "e").write_bytes(symbol.encode())
        one = count(Corpus.text(tmp_path / "e"))
        assert one.tokenizer.vocab == (symbol,)
        assert one.matrix.tolist() == [[0]]


def test_one_shot_sources_are_counted_in_one_pass(tmp_path, monkeypatch) -> None:
    expected = count(["ab", "é"])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("ab\né".encode())))
    assert count(Corpus.lines("-")) == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("ab\né".encode())))
    assert count(Corpus.lines("-"), expected.tokenizer) == expected
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress("ab\r\né\r\n".encode()))
    assert count(Corpus.lines(path)) == expected
    assert count(text for text in ["ab", "é"]) == expected


@pytest.mark.parametrize("held", [1, 1 << 22])
def test_many_symbols_are_counted_sparsely(tmp_path, monkeypatch, held: int) -> None:
    monkeypatch.setattr(point_counting, "_HELD_POINTS", held)
    text = "".join(chr(0x4E00 + i) for i in range(5000)) + "abc"
    texts = ["é一丁", text, text[::-1], "bca"]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(texts), encoding="utf-8")
    expected = pairs(texts, ".")
    for corpus in (texts, Corpus.lines(path)):
        counts = count(corpus)
        assert not isinstance(counts.matrix, np.ndarray)
        assert counts.vocab_size == 5005
        assert counts.total == sum(expected.values())
        assert as_pairs(counts) == expected
        assert count(corpus, counts.tokenizer) == counts


def test_texts_in_pieces_count_the_same(monkeypatch) -> None:
    monkeypatch.setattr(sources, "BLOCK_BYTES", 100)
    texts = ["ab" * 200, "c", "é" * 100, "", "d.\n" * 70]
    assert as_pairs(count(texts)) == pairs(texts, "\0")


def test_a_text_that_cannot_be_encoded_says_where(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"ab\nba-\n")
    tokenizer = CharTokenizer.from_texts(["ab"])
    with pytest.raises(UnknownSymbolError, match=r"a\.txt: line 2 has '-' .* position 2"):
        count(Corpus.lines(path), tokenizer)
    with pytest.raises(UnknownSymbolError, match=r"texts\[1\] has 'é'"):
        count(["ab", "é"], tokenizer)
    path.write_bytes(b"ab\na.a\n")
    for t in (tokenizer, ByteTokenizer(".")):
        with pytest.raises(ValueError, match=r"a\.txt: line 2 .* boundary symbol .* position 1"):
            count(Corpus.lines(path), t)
    # Boundaries where the corpus has none, and none where it has some.
    path.write_bytes(b"ab\nba\n")
    bare = CharTokenizer.from_symbols("ab")
    assert count(Corpus.lines(path), bare).matrix.tolist() == [[0, 1], [1, 0]]
    assert count(Corpus.lines(path), ByteTokenizer()).total == 2
    ended = CharTokenizer.from_symbols("ab\n", boundary=".")
    assert as_pairs(count(Corpus.text(path), ended)) == pairs(["ab\nba\n"], ".")
    assert count(Corpus.text(path), ByteTokenizer(0)).total == 7


def test_counts_of_two_corpora_add_up_to_those_of_both() -> None:
    tokenizer = CharTokenizer.from_texts(["abc"])
    parts = [count(texts, tokenizer) for texts in (["ab"], ["c", ""], ["abcabc"])]
    whole = count(["ab", "c", "", "abcabc"], tokenizer)
    assert (parts[0] + parts[1]) + parts[2] == parts[0] + (parts[1] + parts[2]) == whole
    total = count([], tokenizer)
    for part in parts:
        total += part
    assert total == whole
    assert parts[0] == count(["ab"], tokenizer)  # unchanged


def test_adding_in_place_leaves_the_callers_array_alone() -> None:
    matrix = np.ones((2, 2), dtype=np.int64)
    counts = BigramCounts(matrix)
    assert counts.matrix is matrix
    counts += counts
    counts += BigramCounts(np.eye(2, dtype=np.int32))
    assert matrix.tolist() == [[1, 1], [1, 1]]
    assert counts.matrix.tolist() == [[3, 2], [2, 3]]
    other = matrix.copy()
    other.flags.writeable = False
    counts = BigramCounts(other)
    counts += counts
    assert counts.total == 8


@pytest.mark.parametrize("layout", [np.array, scipy.sparse.csr_array])
def test_a_sum_beyond_int64_is_refused(layout, tmp_path) -> None:
    most = BigramCounts(layout([[2**62, 0], [0, 2**62 - 1]]))
    one = BigramCounts(layout([[1, 0], [0, 0]]))
    assert most.total == 2**63 - 1
    assert most.context_counts().tolist() == [2**62, 2**62 - 1]
    most.save(tmp_path / "a")
    for add in (
        lambda: most + one,
        lambda: most.__iadd__(one),
        lambda: bigram.merge(most, one),
        lambda: bigram.merge(tmp_path / "a", one, out=tmp_path / "b"),
        lambda: BigramCounts(layout([[2**62, 2**62], [1, 0]])),
    ):
        with pytest.raises(ValueError, match="more than int64 can hold"):
            add()
    assert most.total == 2**63 - 1


def test_counts_over_different_ids_are_not_added() -> None:
    a = count(["ab"])
    with pytest.raises(ValueError, match="3 and 2 ids"):
        a + BigramCounts(np.zeros((2, 2), dtype=int))
    with pytest.raises(ValueError, match="tokenizers"):
        a + count(["cd"])
    with pytest.raises(ValueError, match="tokenizers"):
        a += count(["cd"])
    with pytest.raises(TypeError):
        a + 3
    assert (a + BigramCounts(a.matrix)).tokenizer == a.tokenizer
    assert (BigramCounts(a.matrix) + a).tokenizer == a.tokenizer


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (np.zeros((2, 3), int), ValueError, r"shape \(2, 3\), wanted \(V, V\)"),
        (np.zeros(4, int), ValueError, r"shape \(4,\)"),
        (np.zeros((0, 0), int), ValueError, "empty"),
        (np.zeros((2, 2)), TypeError, "float64"),
        (np.zeros((2, 2), bool), TypeError, "bool"),
        ("abc", TypeError, "wanted integers"),
        (None, TypeError, "wanted integers"),
        (np.array([[0, 1], [-2, 0]]), ValueError, r"matrix\[1, 0\] = -2, wanted a count >= 0"),
        (np.full((1, 1), 2**63, np.uint64), ValueError, "at most 2"),
    ],
)
def test_anything_but_a_matrix_of_counts_is_refused(
    matrix: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        BigramCounts(matrix)


def test_matrices_of_every_memory_layout_are_taken() -> None:
    matrix = np.arange(9).reshape(3, 3)
    for odd in (matrix[::-1, ::-1].astype(">i2"), matrix.T, np.broadcast_to(np.uint8(3), (3, 3))):
        counts = BigramCounts(odd)
        assert counts.matrix.dtype == np.int64
        assert counts.matrix.tolist() == odd.tolist()
    with pytest.raises(ValueError, match=r"shape \(3, 3\), but the tokenizer has 2"):
        BigramCounts(matrix, CharTokenizer.from_symbols("ab"))


def test_saved_counts_are_loaded_equal(tmp_path) -> None:
    for counts in (
        count(["ab", "é"]),
        BigramCounts(np.arange(4).reshape(2, 2)),
        count(["ab"], ByteTokenizer("\n")),
    ):
        path = tmp_path / "counts.safetensors"
        counts.save(path)
        assert BigramCounts.load(path) == counts
        assert bigram.load(path) == counts
        assert pickle.loads(pickle.dumps(counts)) == counts
    with pytest.raises(FileNotFoundError):
        BigramCounts.load(tmp_path / "none")


def test_bad_arguments_are_named() -> None:
    with pytest.raises(TypeError, match=r"pass \[text\] or Corpus\.lines\(path\)"):
        count("abc")
    with pytest.raises(ValueError, match="layout = 'csr'"):
        count(["a"], layout="csr")
    assert repr(count(["ab"])) == "BigramCounts(vocab_size=3, total=3)"
    assert count(["ab"]) != 3
    with pytest.raises(TypeError):
        hash(count(["ab"]))


def test_the_builtin_sum_adds_up_counts(zipf_counts):
    for matrix in (np.array([[1, 2], [3, 4]]), zipf_counts(5000, 100, 0)):
        counts = BigramCounts(matrix)
        assert sum([counts] * 3) == bigram.merge(counts, counts, counts)
        alone = sum([counts])
        assert alone == counts
        alone += counts
        assert alone.total == 2 * counts.total == 2 * matrix.sum()
    with pytest.raises(TypeError):
        sum([counts], 1)
