"""Tokenizers of Hugging Face."""

import pytest

from bigram.tokenizers.encoding import encode_corpus


def test_a_tokenizer_is_read_from_its_file(hugging_face, tmp_path) -> None:
    tokenizer = hugging_face()
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_json()["tokenizer"], encoding="utf-8")
    assert type(tokenizer)(path) == tokenizer
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"not a tokenizer\.json"):
        type(tokenizer)(path)
    with pytest.raises(FileNotFoundError):
        type(tokenizer)(tmp_path / "none")


def test_unknown_tokens_are_counted() -> None:
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


def test_a_boundary_inside_a_text_is_an_error(hugging_face) -> None:
    tokenizer = hugging_face(boundary="<|endoftext|>")
    with pytest.raises(ValueError, match=r"texts\[1\] has the boundary token"):
        tokenizer.encode_batch(["a", "b<|endoftext|>"])
