"""The laws of all tokenizers."""

import itertools
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram.corpus.where import Where
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.description import from_json

any_text = st.text(st.characters(exclude_categories=[]))  # lone surrogates and NUL among them


def split(tokens: np.ndarray, offsets: np.ndarray) -> list[list[int]]:
    return [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)]


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
    data = "".join(text + "\n" for text in texts).encode()
    tokenizers = [CharTokenizer.from_symbols("abc\ré日本\n", boundary=boundary)]
    if boundary != "☃":
        tokenizers.append(ByteTokenizer(boundary))
    for tokenizer in tokenizers:
        expected = tokenizer.encode_batch(texts)
        for got, wanted in zip(tokenizer.encode_lines(data, Where()), expected, strict=True):
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "tokenizer", [CharTokenizer.from_texts(["abc"]), ByteTokenizer(boundary=".")]
)
def test_a_boundary_inside_a_text_is_an_error(tokenizer: CharTokenizer | ByteTokenizer) -> None:
    with pytest.raises(ValueError, match=r"texts\[1\].*boundary symbol b?'\.' at position 2"):
        tokenizer.encode_batch(["a", "bc.", "."])
    with pytest.raises(ValueError, match="boundary"):
        tokenizer.encode("a.b")


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
    ("tokenizer", "kind"), [("char", "str"), (3, "int"), (CharTokenizer, "a class"), ({}, "dict")]
)
def test_what_is_not_a_tokenizer_is_a_type_error(tokenizer, kind) -> None:
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


TEXTS = ["to be or not to be", "", "that is the question: 日本 👍", "whether 'tis nobler"] * 5


def test_batches_of_other_packages_are_encoded_texts_between_boundaries(make) -> None:
    tokenizer = make(boundary="<|endoftext|>")
    b = tokenizer.boundary_id
    assert tokenizer.vocab[b] == "<|endoftext|>"
    assert tokenizer.token_id("<|endoftext|>") == b
    tokens, offsets = tokenizer.encode_batch(TEXTS)
    assert tokens.dtype == np.uint16
    for i, text in enumerate(TEXTS):
        ids = tokenizer.encode(text)
        assert ids.dtype == np.uint16
        assert tokenizer.decode(ids) == text
        assert tokens[offsets[i] : offsets[i + 1]].tolist() == [b, *ids.tolist(), b]
    bare = make()
    tokens, offsets = bare.encode_batch(TEXTS)
    assert bare.boundary_id is None
    assert [bare.decode(tokens[s:e]) for s, e in itertools.pairwise(offsets)] == TEXTS
    assert bare.encode_batch([])[1].tolist() == [0]


def test_counts_with_tokenizers_of_other_packages_are_saved_with_them(make, tmp_path) -> None:
    tokenizer = make(boundary="<|endoftext|>")
    (tmp_path / "a.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    counts = bigram.count(bigram.Corpus.lines(tmp_path / "a.txt"), tokenizer)
    assert counts == bigram.count(iter(TEXTS), tokenizer)
    assert counts.total == len(tokenizer.encode_batch(TEXTS)[0]) - len(TEXTS)
    counts.save(tmp_path / "counts")
    assert bigram.load(tmp_path / "counts") == counts


def test_tokenizers_of_other_packages_equal_their_copies_by_json_and_pickle(make) -> None:
    tokenizer = make(boundary="<|endoftext|>")
    for copy in (
        from_json(json.loads(json.dumps(tokenizer.to_json()))),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert copy == tokenizer
        assert hash(copy) == hash(tokenizer)
        assert copy.vocab == tokenizer.vocab
        assert copy.encode(TEXTS[0]).tolist() == tokenizer.encode(TEXTS[0]).tolist()
    assert tokenizer != make()
    assert len(tokenizer.vocab) == tokenizer.vocab_size
    assert "boundary" in repr(tokenizer)


def test_bad_arguments_for_other_packages_are_named(make) -> None:
    with pytest.raises(ValueError, match="boundary = 'none'"):
        make(boundary="none")
    tokenizer = make()
    with pytest.raises(KeyError, match="no such token"):
        tokenizer.token_id("no such token")
    with pytest.raises(TypeError, match=r"pass \[text\]"):
        tokenizer.encode_batch("abc")
    with pytest.raises(TypeError):
        tokenizer.encode(3)
    with pytest.raises(ValueError, match="outside"):
        tokenizer.decode([tokenizer.vocab_size])
    assert len(tokenizer.encode("\ud800")) > 0
    with pytest.raises(TypeError):
        type(tokenizer)(3)
