"""Tokenizers of other packages: batches, boundaries, saving."""

import itertools
import json
import pickle

import numpy as np
import pytest

import bigram
from bigram.tokenizers.description import from_json
from bigram.tokenizers.encoding import encode_corpus

TEXTS = ["to be or not to be", "", "that is the question: 日本 👍", "whether 'tis nobler"] * 5


@pytest.fixture
def hugging_face():
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    from bigram.tokenizers.huggingface import HuggingFaceTokenizer

    return lambda **options: HuggingFaceTokenizer(tokenizer, **options)


@pytest.fixture
def tik_token():
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([i]): i for i in range(256)} | {b"to": 256, b"be": 257, b"or": 258}
    encoding = tiktoken.Encoding(
        "test",
        pat_str=r"\w+|\s+|[^\w\s]+",
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 300},
    )
    from bigram.tokenizers.tiktoken import TiktokenTokenizer

    return lambda **options: TiktokenTokenizer(encoding, **options)


@pytest.fixture(params=["hugging_face", "tik_token"])
def make(request):
    return request.getfixturevalue(request.param)


def test_batches(make) -> None:
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


def test_counting_and_saving(make, tmp_path) -> None:
    tokenizer = make(boundary="<|endoftext|>")
    (tmp_path / "a.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    counts = bigram.count(bigram.Corpus.lines(tmp_path / "a.txt"), tokenizer)
    assert counts == bigram.count(iter(TEXTS), tokenizer)
    assert counts.total == len(tokenizer.encode_batch(TEXTS)[0]) - len(TEXTS)
    counts.save(tmp_path / "counts")
    assert bigram.load(tmp_path / "counts") == counts


def test_json_pickle_and_equality(make) -> None:
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


def test_bad_arguments_are_named(make) -> None:
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


def test_a_boundary_inside_a_text(hugging_face, tik_token) -> None:
    tokenizer = hugging_face(boundary="<|endoftext|>")
    with pytest.raises(ValueError, match=r"texts\[1\] has the boundary token"):
        tokenizer.encode_batch(["a", "b<|endoftext|>"])
    ordinary = tik_token(boundary="<|endoftext|>")
    assert ordinary.boundary_id not in ordinary.encode("b<|endoftext|>")


def test_hugging_face_from_a_file(hugging_face, tmp_path) -> None:
    tokenizer = hugging_face()
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_json()["tokenizer"], encoding="utf-8")
    assert type(tokenizer)(path) == tokenizer
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"not a tokenizer\.json"):
        type(tokenizer)(path)
    with pytest.raises(FileNotFoundError):
        type(tokenizer)(tmp_path / "none")


def test_unknown_tokens_of_hugging_face() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    from bigram.tokenizers.huggingface import HuggingFaceTokenizer

    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"a": 0, "[UNK]": 1, "b": 5}, unk_token="[UNK]")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = HuggingFaceTokenizer(words)
    assert tokenizer.unknown_id == 1
    assert tokenizer.vocab_size == 6
    assert tokenizer.vocab[3] == "<id 3>"
    batch = next(encode_corpus(["a q", "b"], tokenizer))
    assert batch.num_unknown == 1
