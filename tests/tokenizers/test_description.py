"""Tokenizers as JSON."""

import json
import pickle

import pytest

from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.description import from_json


@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer.from_texts(["ab", "\ud800é"], unknown="<unk>"),
        CharTokenizer.from_symbols("ab"),
        ByteTokenizer(),
        ByteTokenizer(255),
    ],
)
def test_a_tokenizer_equals_its_copies_by_json_and_pickle(
    tokenizer: CharTokenizer | ByteTokenizer,
) -> None:
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


def test_damaged_descriptions_are_refused() -> None:
    for description in ({}, {"kind": "char"}, {"kind": "char", "vocab": 3}, {"kind": "other"}):
        with pytest.raises(ValueError):
            from_json(description)
