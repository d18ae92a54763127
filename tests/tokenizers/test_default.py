"""The tokenizer that a corpus gets where none is given."""

import pytest

import bigram
from bigram.tokenizers.default import default_tokenizer


@pytest.mark.parametrize(
    ("characters", "boundary"), [("ab", "."), ("a.b", "\n"), ("a.\n", "\0"), ("\0\n", ".")]
)
def test_the_boundary_is_the_first_that_does_not_occur(characters: str, boundary: str) -> None:
    tokenizer = default_tokenizer(set(characters), running_text=False)
    assert tokenizer.vocab == (boundary, *sorted(characters))
    assert tokenizer.boundary_id == 0
    texts = list(characters)  # newlines inside texts, as in no file of lines
    assert bigram.count(texts).tokenizer == tokenizer


def test_running_text_has_no_boundary() -> None:
    tokenizer = default_tokenizer(set("b.a"), running_text=True)
    assert (tokenizer.vocab, tokenizer.boundary_id) == ((".", "a", "b"), None)


def test_the_unknown_symbol_is_last_and_never_the_boundary() -> None:
    tokenizer = default_tokenizer(set("ab"), running_text=False, unknown=".")
    assert tokenizer.vocab == ("\n", "a", "b", ".")
    assert (tokenizer.boundary_id, tokenizer.unknown_id) == (0, 3)


def test_a_corpus_without_a_free_boundary_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"texts contain '\.', newline and NUL"):
        default_tokenizer(set(".\n\0"), running_text=False)
    with pytest.raises(ValueError, match="corpus is empty"):
        default_tokenizer(set(), running_text=True)
