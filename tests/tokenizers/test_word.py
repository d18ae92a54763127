"""Words as KenLM splits, numbers and refuses them."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram.corpus.corpus import Corpus
from bigram.tokenizers.description import from_json
from bigram.tokenizers.encoding import encode_corpus
from bigram.tokenizers.errors import UnknownSymbolError
from bigram.tokenizers.word import WordTokenizer

texts_of_words = st.lists(
    st.text(st.sampled_from("ab é日\t\n\r\0\x0b\x85"), max_size=12), max_size=6
)


def split(text: str) -> list[str]:
    for space in "\t\n\r\0":
        text = text.replace(space, " ")
    return [word for word in text.split(" ") if word]


def test_ids_are_by_count_then_code_point() -> None:
    tokenizer = WordTokenizer.from_texts(["b a c", "é z c", "日"])
    assert tokenizer.vocab == ("</s>", "<unk>", "c", "a", "b", "z", "é", "日")
    assert (tokenizer.boundary_id, tokenizer.unknown_id, tokenizer.vocab_size) == (0, 1, 8)
    assert tokenizer.last_new_id == 7
    assert tokenizer.token_id("b") == 4
    with pytest.raises(KeyError, match="'q'"):
        tokenizer.token_id("q")
    few = WordTokenizer.from_texts(["b a c", "é z c", "日 é"], min_count=2)
    assert few.vocab == ("</s>", "<unk>", "c", "é")
    assert few.last_new_id == 3
    strict = WordTokenizer.from_texts(["b a"], unknown=None)
    assert strict.vocab == ("</s>", "a", "b")
    assert strict.unknown_id is None
    assert strict.last_new_id == 1
    assert WordTokenizer.from_texts([]).vocab == ("</s>", "<unk>")
    assert WordTokenizer.from_texts(["", " \t"]).last_new_id == 0


@given(texts_of_words)
def test_texts_are_split_at_kenlms_spaces(texts: list[str]) -> None:
    tokenizer = WordTokenizer.from_texts(texts)
    words = [word for text in texts for word in split(text)]
    assert set(tokenizer.vocab) == {*words, "</s>", "<unk>"}
    tokens, offsets = tokenizer.encode_batch(texts)
    assert offsets[-1] == len(tokens)
    for i, text in enumerate(texts):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == " ".join(split(text))
        assert tokens[offsets[i] : offsets[i + 1]].tolist() == [0, *ids.tolist(), 0]


@pytest.mark.parametrize("size", [5, 9, 1 << 20])
def test_files_and_iterables_give_the_same(tmp_path, small_blocks, size: int) -> None:
    small_blocks(size)
    text = "to be or not to be\n\nthat is the question\r\nwhether ’tis nobler in the mind\n"
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    lines = [line.removesuffix("\r") for line in text.split("\n")[:-1]]
    tokenizer = WordTokenizer.from_texts(lines)
    assert WordTokenizer.from_texts(Corpus.lines(path)) == tokenizer
    assert WordTokenizer.from_texts(Corpus.text(path)) == tokenizer
    assert WordTokenizer.from_texts(Corpus.text(path)).last_new_id == tokenizer.last_new_id
    counts = bigram.count(Corpus.lines(path), tokenizer)
    assert counts == bigram.count(lines, tokenizer)
    assert counts.total == len(text.split()) + len(lines)
    running = bigram.count(Corpus.text(path), tokenizer)
    assert running == bigram.count([text], tokenizer)
    assert running.total == len(text.split()) + 1
    batches = list(encode_corpus(Corpus.lines(path), tokenizer))
    assert sum(batch.num_sequences for batch in batches) == len(lines)
    assert sum(batch.num_bytes for batch in batches) == sum(len(line.encode()) for line in lines)


def test_unknown_words_map_to_the_unknown_id() -> None:
    tokenizer = WordTokenizer.from_texts(["a b <unk> <unk>"])
    assert tokenizer.vocab == ("</s>", "<unk>", "a", "b")
    assert tokenizer.encode("a <unk> zebra").tolist() == [2, 1, 1]
    batch = next(encode_corpus(["a zebra", "q"], tokenizer))
    assert batch.num_unknown == 2
    strict = WordTokenizer.from_texts(["a b"], unknown=None)
    with pytest.raises(UnknownSymbolError, match=r"texts\[1\] has 'zebra' at position 2") as caught:
        strict.encode_batch(["a", "b zebra"])
    assert (caught.value.character, caught.value.text_index) == ("zebra", 1)


@pytest.mark.parametrize("word", ["<s>", "</s>"])
def test_reserved_words_are_refused_with_their_line(tmp_path, word: str) -> None:
    tokenizer = WordTokenizer.from_texts(["a b"])
    path = tmp_path / "a.txt"
    path.write_text(f"a b\nb\né {word} b\n", encoding="utf-8")
    message = rf"a\.txt: line 3 has the word '{word}' at position 2"
    with pytest.raises(ValueError, match=message):
        WordTokenizer.from_texts(Corpus.lines(path))
    with pytest.raises(ValueError, match=message):
        bigram.count(Corpus.lines(path), tokenizer)
    with pytest.raises(ValueError, match=rf"texts\[1\] has the word '{word}'"):
        tokenizer.encode_batch(["a", word])
    with pytest.raises(ValueError, match=rf"texts\[0\] has the word '{word}' at position 2"):
        tokenizer.encode(f"a {word}")


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        (["</s>", "<unk>", "a b"], r"vocab\[2\] = 'a b' is not a word"),
        (["</s>", "<unk>", "a", "a"], r"vocab\[3\] = 'a' is not a word, or is in .* twice"),
        (["</s>", "<unk>", ""], r"vocab\[2\] = '' is not a word"),
        (["</s>", "<unk>", "a", "<s>", "b"], r"vocab\[3\] = '<s>' is not a word"),
        (["<unk>", "a"], "boundary = '</s>', wanted a symbol that is in the vocabulary once"),
        (["</s>", "a"], "unknown = '<unk>', wanted a symbol"),
    ],
)
def test_bad_vocabularies_are_refused(vocab: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordTokenizer(vocab)
    with pytest.raises(TypeError, match=r"vocab\[0\] is int"):
        WordTokenizer([1, "</s>", "<unk>"])
    with pytest.raises(ValueError, match="min_count = 0"):
        WordTokenizer.from_texts(["a"], min_count=0)
    with pytest.raises(TypeError, match=r"pass \[text\]"):
        WordTokenizer.from_texts("a b")


def test_special_words_may_have_any_id() -> None:
    tokenizer = WordTokenizer(["a", "?", "</s>", "b"], unknown="?")
    assert (tokenizer.boundary_id, tokenizer.unknown_id) == (2, 1)
    assert tokenizer.encode_batch(["b ? q a"])[0].tolist() == [2, 3, 1, 1, 0, 2]


def test_a_tokenizer_equals_its_copies_by_json_and_pickle() -> None:
    tokenizer = WordTokenizer.from_texts(["a \ud800 é"])
    for copy in (
        from_json(json.loads(json.dumps(tokenizer.to_json()))),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert copy == tokenizer
        assert hash(copy) == hash(tokenizer)
        assert copy.last_new_id == tokenizer.last_new_id
        assert copy.encode("é q").tolist() == tokenizer.encode("é q").tolist()
    assert tokenizer != WordTokenizer.from_texts(["a"])
    assert "5 words" in repr(tokenizer)


def test_discounts_of_shakespeare_equal_those_of_lmplz(shakespeare_path) -> None:
    # D1, D2 and D3+ as lmplz reported them for this text, words, one sentence a line.
    corpus = Corpus.lines(shakespeare_path)
    tokenizer = WordTokenizer.from_texts(corpus)
    text = shakespeare_path.read_text()
    assert set(tokenizer.vocab) == {*split(text), "</s>", "<unk>"}
    seen = list(dict.fromkeys(split(text)))
    assert tokenizer.vocab[tokenizer.last_new_id] == seen[-1]
    counts = bigram.count(corpus, tokenizer, layout="sparse")
    assert counts.total == 242_651
    fitted = bigram.CountModel.from_counts(
        counts, smoothing=bigram.ModifiedKneserNey(compatible="lmplz")
    )
    found = fitted.discounts
    np.testing.assert_allclose(found.unigram, [0.689224, 1.02829, 1.42186], rtol=1e-5)
    np.testing.assert_allclose(found.bigram, [0.813214, 1.13859, 1.3188], rtol=1e-5)
