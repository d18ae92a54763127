"""Characters: ids, boundaries, unknown symbols, any Unicode."""

import itertools
import pickle

import numpy as np
import pytest

from bigram.corpus.corpus import Corpus
from bigram.tokenizers import char
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.errors import UnknownSymbolError


def split(tokens: np.ndarray, offsets: np.ndarray) -> list[list[int]]:
    return [tokens[a:b].tolist() for a, b in itertools.pairwise(offsets)]


ODD = ["", "\0", "\ud800", "e\u0301", "👩‍👩‍👧", "a\r\n", "\ud83d\ude00", "日本語", "\x7f\x80\xff"]


def test_ids_are_those_of_the_lecture() -> None:
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


def test_from_texts_refuses_a_boundary_that_occurs() -> None:
    with pytest.raises(ValueError, match=r"texts\[300\].*'\.' at position 1"):
        CharTokenizer.from_texts(["a"] * 300 + ["b.c"])


@pytest.mark.parametrize("text", ODD)
def test_decoding_returns_odd_texts(text: str) -> None:
    boundary = "\n" if "\n" not in text else "."
    tokenizer = CharTokenizer.from_texts([text], boundary=boundary)
    assert set(tokenizer.vocab) == {boundary, *text}
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert ByteTokenizer().decode(ByteTokenizer().encode(text)) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a", "b", "a"),), "twice"),
        ((("a", "bc"),), "wanted a single character"),
        ((("a", ""),), "wanted a single character"),
        ((("a",), "b"), "boundary = 'b', wanted a symbol of the vocabulary"),
        ((("a",), None, "b"), "unknown = 'b', wanted a symbol of the vocabulary"),
        ((("a",), "a", "a"), "unknown = 'a', wanted another symbol than boundary"),
    ],
)
def test_bad_vocabularies_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CharTokenizer(*arguments)
    with pytest.raises(TypeError, match=r"vocab\[1\] is int"):
        CharTokenizer(("a", 1))


def test_a_vocabulary_is_built_from_the_files_of_a_corpus(tmp_path) -> None:
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


def test_long_texts_are_encoded_in_parts_between_which_a_signal_is_heard(monkeypatch) -> None:
    text = "abé漢" * 50 + "ab" * 90 + "漢"
    tokenizer = CharTokenizer.from_symbols(text, boundary=".")
    expected, pairs = tokenizer.encode(text), tokenizer.encode_batch([text, "ab", text])
    sizes = []
    kernel = char.encode_characters

    def recorded(data, table, **options):
        sizes.append(len(data.decode()))
        return kernel(data, table, **options)

    monkeypatch.setattr(char, "encode_characters", recorded)
    monkeypatch.setattr(char, "_PART", 32)
    assert np.array_equal(tokenizer.encode(text), expected)
    for found, wanted in zip(tokenizer.encode_batch([text, "ab", text]), pairs, strict=True):
        assert np.array_equal(found, wanted)
    assert max(sizes) <= 32
    with pytest.raises(UnknownSymbolError, match="position 381"):
        tokenizer.encode(text + "z")
