"""Tokenizers of Hugging Face's `tokenizers` package."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy.typing as npt

from bigram.common.checks import bad_kind, check_ids
from bigram.common.optional import needs
from bigram.common.types import Ids, Json, Offsets
from bigram.tokenizers.ids import as_texts, between_boundaries

__all__ = ["HuggingFaceTokenizer"]


class HuggingFaceTokenizer:
    """A trained tokenizer of Hugging Face; needs the package `tokenizers`.

    Its post-processor does not add special tokens, and truncation and padding are turned off.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer, path of a tokenizer.json, or a fast tokenizer of transformers
        A copy is kept.
    boundary : str, optional
        The token before and after each sequence, such as ``"<|endoftext|>"``.

    Raises
    ------
    ImportError
        If `tokenizers` is not installed.
    OSError
        If the file cannot be read.
    ValueError
        If the file is not a tokenizer, or `boundary` is not in the vocabulary.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from bigram.integrations.huggingface import HuggingFaceTokenizer
    >>> words = Tokenizer(models.WordLevel({"[UNK]": 0, "to": 1, "be": 2}, unk_token="[UNK]"))
    >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer = HuggingFaceTokenizer(words)
    >>> tokenizer.encode("to be true")
    array([1, 2, 0], dtype=uint8)
    """

    def __init__(self, tokenizer: Any, *, boundary: str | None = None) -> None:
        self._tokenizer = _copied(tokenizer)
        self.boundary = boundary
        self.boundary_id = None if boundary is None else self.token_id_or_none(boundary)
        if boundary is not None and self.boundary_id is None:
            raise ValueError(f"boundary = {boundary!r}, wanted a token of the vocabulary")
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        self.unknown_id = None if unknown is None else self.token_id_or_none(unknown)

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        """The tokens, position = id; an id without a token is ``<id 17>``."""
        found = self._tokenizer.get_vocab(with_added_tokens=True)
        vocab = [f"<id {index}>" for index in range(max(found.values(), default=-1) + 1)]
        for token, index in found.items():
            vocab[index] = token
        return tuple(vocab)

    @cached_property
    def vocab_size(self) -> int:
        """The largest id, plus one."""
        return len(self.vocab)

    def token_id_or_none(self, symbol: str) -> int | None:
        """Return the id of a token, None if it is not in the vocabulary."""
        found: int | None = self._tokenizer.token_to_id(symbol)
        return found

    def token_id(self, symbol: str) -> int:
        """Return the id of a token; KeyError if it is not in the vocabulary."""
        found = self.token_id_or_none(symbol)
        if found is None:
            raise KeyError(f"token {symbol!r} is not in the vocabulary")
        return found

    def encode(self, text: str) -> Ids:
        """Return the ids of `text`, without boundaries, shape (n_tokens,)."""
        if not isinstance(text, str):
            raise bad_kind(text, "text", "str")
        return between_boundaries(self._lists([text]), None, self.vocab_size)[0]

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return tokens and offsets of many texts, each between two boundaries if there is one.

        Raises
        ------
        ValueError
            If a text contains the boundary token.
        """
        return between_boundaries(self._lists(as_texts(texts)), self.boundary_id, self.vocab_size)

    def _lists(self, texts: list[str]) -> list[list[int]]:
        # The tokenizer is written in Rust, whose strings cannot contain lone surrogates.
        clean = [text if text.isascii() else _without_surrogates(text) for text in texts]
        encode = getattr(self._tokenizer, "encode_batch_fast", self._tokenizer.encode_batch)
        lists = [encoding.ids for encoding in encode(clean, add_special_tokens=False)]
        for index, ids in enumerate(lists):
            if self.boundary_id is not None and self.boundary_id in ids:
                raise ValueError(
                    f"texts[{index}] has the boundary token {self.boundary!r}; "
                    "a boundary cannot occur inside a text"
                )
        return lists

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of the ids, special tokens included."""
        array = check_ids(ids, self.vocab_size)
        text: str = self._tokenizer.decode(array.tolist(), skip_special_tokens=False)
        return text

    def to_json(self) -> Json:
        """Return a JSON-compatible description: the whole tokenizer."""
        return {
            "kind": "huggingface",
            "tokenizer": self._tokenizer.to_str(),
            "boundary": self.boundary,
        }

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> HuggingFaceTokenizer:
        """Return the tokenizer that `to_json` described."""
        return cls(_parsed(description["tokenizer"]), boundary=description["boundary"])

    def __reduce__(self) -> tuple[Any, ...]:
        return HuggingFaceTokenizer.from_json, (self.to_json(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HuggingFaceTokenizer) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((HuggingFaceTokenizer, self._tokenizer.to_str(), self.boundary))

    def __repr__(self) -> str:
        return f"HuggingFaceTokenizer(<{self.vocab_size} tokens>, boundary={self.boundary!r})"


def _copied(tokenizer: Any) -> Any:
    if isinstance(tokenizer, (str, os.PathLike)):
        with open(tokenizer, encoding="utf-8") as file:
            copy = _parsed(file.read())
    else:
        inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not hasattr(inner, "to_str"):
            raise bad_kind(tokenizer, "tokenizer", "a tokenizers.Tokenizer or a path")
        copy = _parsed(inner.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _parsed(text: str) -> Any:
    with needs("tokenizers", extra="huggingface", purpose="HuggingFaceTokenizer"):
        import tokenizers
    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # noqa: BLE001 - the package raises bare Exception
        raise ValueError(f"not a tokenizer.json: {error}") from None


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
