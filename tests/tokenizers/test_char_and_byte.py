"""Tokenizers: ids and back, boundaries, unknown symbols, any Unicode."""

import itertools
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram.corpus.corpus import Corpus
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.description import from_json
from bigram.tokenizers.errors import UnknownSymbolError

any_text = st.text(st.characters(exclude_categories=[]))  # lone surrogates and NUL among them
ODD = ["", "\0", "\ud800", "e\u0301", "👩‍👩‍👧", "a\r\n", "\ud83d\ude00", "日本語", "\x7f\x80\xff"]


def split(tokens: np.ndarray, offsets: np.ndarray) -> list[list[int]]:
    return [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def test_the_lecture_ids() -> None:
    tokenizer = CharTokenizer.from_texts(["emma", "olivia", "zoe"])
    assert tokenizer.vocab == (".", *"aeilmovz")
    assert (tokenizer.boundary_id, tokenizer.unknown_id, tokenizer.vocab_size) == (0, None, 9)
    assert tokenizer.encode("emma").tolist() == [2, 5, 5, 1]
    assert split(*tokenizer.encode_batch(["emma", "", "zoe"])) == [
        [0, 2, 5, 5, 1, 0],
        [0, 0],
        [0, 8, 6, 2, 0],
    ]
    assert tokenizer.token_id("z") == 8
    with pytest.raises(KeyError, match="'q'"):
        tokenizer.token_id("q")


def test_running_text_has_no_boundary() -> None:
    tokenizer = CharTokenizer.from_texts(["b.\na"], boundary=None)
    assert tokenizer.vocab == ("\n", ".", "a", "b")
    assert tokenizer.boundary_id is None
    assert split(*tokenizer.encode_batch(["ab", "", "b"])) == [[2, 3], [], [3]]


@given(st.lists(any_text, max_size=5), st.sampled_from([None, "<unk>", "�"]))
def test_decode_inverts_encode(texts: list[str], unknown: str | None) -> None:
    symbols = set("".join(texts)) - {unknown}
    char = CharTokenizer.from_symbols(symbols | {"x"}, unknown=unknown)
    for tokenizer in (char, ByteTokenizer()):
        for text in texts:
            assert tokenizer.decode(tokenizer.encode(text)) == text
        tokens, offsets = tokenizer.encode_batch(texts)
        parts = split(tokens, offsets)
        assert [tokenizer.decode(part) for part in parts] == texts
        assert parts == [tokenizer.encode(text).tolist() for text in texts]


@given(st.lists(any_text, max_size=5))
def test_batches_are_encoded_texts_between_boundaries(texts: list[str]) -> None:
    texts = [text.replace("\n", "") for text in texts]
    for tokenizer in (
        CharTokenizer.from_texts([*texts, "x"], boundary="\n"),
        ByteTokenizer(boundary="\n"),
    ):
        b = tokenizer.boundary_id
        parts = split(*tokenizer.encode_batch(texts))
        assert parts == [[b, *tokenizer.encode(text).tolist(), b] for text in texts]


@pytest.mark.parametrize("boundary", [None, ".", "☃", "\0"])
@pytest.mark.parametrize("texts", [["ab", "", "c\r"], ["é", "", "日本"], [""], []])
def test_lines_of_bytes_are_encoded_as_texts(boundary: str | None, texts: list[str]) -> None:
    from bigram.corpus.where import Where

    data = "".join(text + "\n" for text in texts).encode()
    tokenizers = [CharTokenizer.from_symbols("abc\ré日本\n", boundary=boundary)]
    if boundary != "☃":
        tokenizers.append(ByteTokenizer(boundary))
    for tokenizer in tokenizers:
        expected = tokenizer.encode_batch(texts)
        for got, wanted in zip(tokenizer.encode_lines(data, Where()), expected, strict=True):
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("size", [255, 256, 257, 65535, 65536, 65537])
def test_ids_are_as_narrow_as_the_vocabulary_allows(size: int) -> None:
    vocab = [chr(0x10000 + i) for i in range(size)]
    tokenizer = CharTokenizer(vocab)
    ids = tokenizer.encode("".join(vocab))
    assert ids.tolist() == list(range(size))
    assert ids.dtype == np.min_scalar_type(size - 1)
    with pytest.raises(UnknownSymbolError):
        tokenizer.encode("a")
    with pytest.raises(UnknownSymbolError):
        tokenizer.encode("\U0010ffff")


def test_an_unknown_symbol_is_named_with_its_place() -> None:
    tokenizer = CharTokenizer.from_texts(["abc"])
    with pytest.raises(UnknownSymbolError, match=r"texts\[2\] has 'é' \(U\+00E9\) at position 1"):
        tokenizer.encode_batch(["a", "", "bé", "é"])
    with pytest.raises(ValueError) as caught:
        tokenizer.encode_batch(["ab", "a👍"])
    error = caught.value
    assert isinstance(error, UnknownSymbolError)
    assert (error.character, error.code_point, error.text_index, error.position) == (
        "👍",
        0x1F44D,
        1,
        1,
    )
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.position == 1
    with pytest.raises(UnknownSymbolError, match="position 2"):
        tokenizer.encode("ab-")
    with pytest.raises(UnknownSymbolError, match=r"texts\[1\] has '-' .* at position 0"):
        CharTokenizer.from_symbols("ab").encode_batch(["", "-a"])


def test_unknown_symbols_map_to_the_unknown_id() -> None:
    tokenizer = CharTokenizer.from_texts(["ab"], unknown="<unk>")
    assert tokenizer.vocab == (".", "a", "b", "<unk>")
    assert tokenizer.encode("aéb👍").tolist() == [1, 3, 2, 3]
    assert tokenizer.decode([1, 3]) == "a<unk>"
    assert CharTokenizer.from_texts(["ab"], unknown="?").decode([1, 3]) == "a?"


@pytest.mark.parametrize(
    "tokenizer", [CharTokenizer.from_texts(["abc"]), ByteTokenizer(boundary=".")]
)
def test_a_boundary_inside_a_text_is_an_error(tokenizer: CharTokenizer | ByteTokenizer) -> None:
    with pytest.raises(ValueError, match=r"texts\[1\].*boundary symbol b?'\.' at position 2"):
        tokenizer.encode_batch(["a", "bc.", "."])
    with pytest.raises(ValueError, match="boundary"):
        tokenizer.encode("a.b")


def test_from_texts_refuses_a_boundary_that_occurs() -> None:
    with pytest.raises(ValueError, match=r"texts\[300\].*'\.' at position 1"):
        CharTokenizer.from_texts(["a"] * 300 + ["b.c"])


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_come_back(text: str) -> None:
    boundary = "\n" if "\n" not in text else "."
    tokenizer = CharTokenizer.from_texts([text], boundary=boundary)
    assert set(tokenizer.vocab) == {boundary, *text}
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert ByteTokenizer().decode(ByteTokenizer().encode(text)) == text


def test_bytes_are_a_view() -> None:
    data = bytearray(b"abc")
    ids = ByteTokenizer().encode(data)
    data[0] = 120
    assert ids.tolist() == [120, 98, 99]
    assert ByteTokenizer().encode("é").tolist() == [0xC3, 0xA9]
    assert ByteTokenizer().decode([0xC3]) == "\N{REPLACEMENT CHARACTER}"
    assert len(set(ByteTokenizer().vocab)) == 256
    assert ByteTokenizer().token_id("a") == 97
    with pytest.raises(KeyError):
        ByteTokenizer().token_id("é")
    for bad in ("ab", "é", 256, -1):
        with pytest.raises(ValueError):
            ByteTokenizer(bad)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a", "b", "a"),), "twice"),
        ((("a", "bc"),), "not a single character"),
        ((("a", ""),), "not a single character"),
        ((("a",), "b"), "boundary = 'b' is not"),
        ((("a",), None, "b"), "unknown = 'b' is not"),
        ((("a",), "a", "a"), "same symbol"),
    ],
)
def test_bad_vocabularies(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CharTokenizer(*arguments)
    with pytest.raises(TypeError, match=r"vocab\[1\] is int"):
        CharTokenizer(("a", 1))


@pytest.mark.parametrize("tokenizer", [CharTokenizer.from_texts(["ab"]), ByteTokenizer()])
def test_bad_arguments_are_named(tokenizer: CharTokenizer | ByteTokenizer) -> None:
    with pytest.raises(TypeError, match="pass \\[text\\]"):
        tokenizer.encode_batch("ab")
    with pytest.raises(TypeError, match=r"texts\[1\] is int"):
        tokenizer.encode_batch(["a", 3])
    with pytest.raises(TypeError, match="texts is a dict"):
        tokenizer.encode_batch({"a": 3})
    with pytest.raises(TypeError):
        tokenizer.encode(3)
    with pytest.raises(TypeError, match="float64"):
        tokenizer.decode([1.0])
    with pytest.raises(TypeError, match="bool"):
        tokenizer.decode(np.array([True]))
    with pytest.raises(ValueError, match="wanted one dimension"):
        tokenizer.decode([[1]])
    for bad in (-1, tokenizer.vocab_size):
        with pytest.raises(ValueError, match=rf"ids\[1\] = {bad} is outside \[0, "):
            tokenizer.decode([1, bad])
    assert tokenizer.decode([]) == ""
    with pytest.raises(TypeError, match=r"pass \[text\]"):
        CharTokenizer.from_texts("abc")


@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer.from_texts(["ab", "\ud800é"], unknown="<unk>"),
        CharTokenizer.from_symbols("ab"),
        ByteTokenizer(),
        ByteTokenizer(255),
    ],
)
def test_json_pickle_and_equality(tokenizer: CharTokenizer | ByteTokenizer) -> None:
    tokenizer.encode("ab")  # fills the caches, which are not pickled
    for copy in (
        from_json(json.loads(json.dumps(tokenizer.to_json()))),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert copy == tokenizer
        assert hash(copy) == hash(tokenizer)
        assert copy.vocab == tokenizer.vocab
        assert copy.boundary_id == tokenizer.boundary_id
        assert copy.unknown_id == tokenizer.unknown_id
    assert tokenizer != CharTokenizer.from_symbols("abc")
    assert len(pickle.dumps(tokenizer)) < 1000
    assert str(tokenizer.vocab_size) in repr(tokenizer) or "Byte" in repr(tokenizer)


def test_damaged_descriptions() -> None:
    for description in ({}, {"kind": "char"}, {"kind": "char", "vocab": 3}, {"kind": "other"}):
        with pytest.raises(ValueError):
            from_json(description)


def test_from_a_corpus(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("ab\nç.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.txt: line 2 .* boundary symbol '\.' at position 1"):
        CharTokenizer.from_texts(Corpus.lines(path))
    path.write_text("ab\nç\n", encoding="utf-8")
    assert CharTokenizer.from_texts(Corpus.lines(path)).vocab == (".", "a", "b", "ç")
    assert CharTokenizer.from_texts(Corpus.text(path), boundary=None).vocab == (
        "\n",
        "a",
        "b",
        "ç",
    )


@pytest.mark.parametrize(
    ("tokenizer", "kind"), [("char", "str"), (3, "int"), (CharTokenizer, "a class"), ({}, "dict")]
)
def test_what_is_no_tokenizer(tokenizer, kind) -> None:
    counts = np.ones((2, 2), np.int64)
    for call in (
        lambda: bigram.count(["ab"], tokenizer),
        lambda: bigram.CountModel(tokenizer=tokenizer),
        lambda: bigram.CountModel.from_counts(counts, tokenizer=tokenizer),
        lambda: bigram.CountModel.from_counts(bigram.BigramCounts(counts), tokenizer=tokenizer),
        lambda: bigram.CountModel.from_table(bigram.DenseTable(np.eye(2)), tokenizer),
        lambda: bigram.CountModel.from_arpa("any.arpa", tokenizer=tokenizer),
        lambda: bigram.BigramCounts(counts, tokenizer),
        lambda: bigram.BigramCounts.from_tsv("any.tsv", tokenizer=tokenizer),
    ):
        with pytest.raises(TypeError, match=f"tokenizer is {kind}, wanted a tokenizer"):
            call()
