"""Encodings of OpenAI's `tiktoken` package."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy.typing as npt

from bigram.common.checks import bad_kind, check_ids
from bigram.common.optional import needs
from bigram.common.threads import get_num_threads
from bigram.common.types import Ids, Json, Offsets
from bigram.tokenizers.ids import as_texts, between_boundaries

__all__ = ["TiktokenTokenizer"]


class TiktokenTokenizer:
    r"""An encoding of tiktoken; needs the package `tiktoken`.

    Special tokens that occur in a text are encoded as ordinary text.

    Parameters
    ----------
    encoding : tiktoken.Encoding, or str
        An encoding, or its name, such as ``"gpt2"``, which tiktoken may have to download.
    boundary : str, optional
        The special token before and after each sequence, such as ``"<|endoftext|>"``.

    Raises
    ------
    ImportError
        If `tiktoken` is not installed.
    ValueError
        If the name is not known, or `boundary` is not a special token.

    Examples
    --------
    >>> import tiktoken
    >>> from bigram.integrations.tiktoken import TiktokenTokenizer
    >>> ranks = {bytes([i]): i for i in range(256)} | {b"ab": 256}
    >>> encoding = tiktoken.Encoding(
    ...     "pairs", pat_str=r"\w+|\W+", mergeable_ranks=ranks, special_tokens={"<end>": 257}
    ... )
    >>> TiktokenTokenizer(encoding, boundary="<end>").encode_batch(["abc"])
    (array([257, 256,  99, 257], dtype=uint16), array([0, 4]))
    """

    unknown_id: int | None = None

    def __init__(self, encoding: Any, *, boundary: str | None = None) -> None:
        self._encoding = (
            _tiktoken().get_encoding(encoding) if isinstance(encoding, str) else encoding
        )
        if not hasattr(self._encoding, "encode_ordinary_batch"):
            raise bad_kind(encoding, "encoding", "a tiktoken.Encoding or its name")
        self.boundary = boundary
        self.boundary_id: int | None = None
        if boundary is not None:
            special = self._encoding._special_tokens
            if boundary not in special:
                known = ", ".join(map(repr, special))
                raise ValueError(f"boundary = {boundary!r}, wanted a special token: one of {known}")
            self.boundary_id = special[boundary]

    @property
    def vocab_size(self) -> int:
        """The largest id, plus one."""
        return int(self._encoding.max_token_value) + 1

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        r"""The tokens, position = id; bytes outside UTF-8 are ``\xff``, an unused id ``<id 5>``."""
        return tuple(self._symbol(index) for index in range(self.vocab_size))

    def _symbol(self, index: int) -> str:
        try:
            data: bytes = self._encoding.decode_single_token_bytes(index)
        except KeyError:
            return f"<id {index}>"
        return data.decode("utf-8", "backslashreplace")

    def token_id(self, symbol: str) -> int:
        """Return the id of a token; KeyError if it is not in the vocabulary."""
        try:
            found: int = self._encoding.encode_single_token(symbol)
        except KeyError:
            raise KeyError(f"token {symbol!r} is not in the vocabulary") from None
        return found

    def encode(self, text: str) -> Ids:
        """Return the ids of `text`, without boundaries, shape (n_tokens,)."""
        if not isinstance(text, str):
            raise bad_kind(text, "text", "str")
        ids = self._encoding.encode_ordinary(text)
        return between_boundaries([ids], None, self.vocab_size)[0]

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return tokens and offsets of many texts, each between two boundaries if there is one."""
        lists = self._encoding.encode_ordinary_batch(as_texts(texts), num_threads=get_num_threads())
        return between_boundaries(lists, self.boundary_id, self.vocab_size)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of the ids; invalid UTF-8 becomes U+FFFD."""
        text: str = self._encoding.decode(check_ids(ids, self.vocab_size).tolist())
        return text

    def to_json(self) -> Json:
        """Return a JSON-compatible description: the whole encoding, without any download."""
        encoding = self._encoding
        ranks = encoding._mergeable_ranks
        return {
            "kind": "tiktoken",
            "name": encoding.name,
            "pattern": encoding._pat_str,
            "tokens": [base64.b64encode(token).decode() for token in ranks],
            "ranks": list(ranks.values()),
            "special": encoding._special_tokens,
            "boundary": self.boundary,
        }

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> TiktokenTokenizer:
        """Return the tokenizer that `to_json` described."""
        tokens = map(base64.b64decode, description["tokens"])
        encoding = _tiktoken().Encoding(
            description["name"],
            pat_str=description["pattern"],
            mergeable_ranks=dict(zip(tokens, description["ranks"], strict=True)),
            special_tokens=description["special"],
        )
        return cls(encoding, boundary=description["boundary"])

    def __reduce__(self) -> tuple[Any, ...]:
        return TiktokenTokenizer.from_json, (self.to_json(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TiktokenTokenizer) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((TiktokenTokenizer, self._encoding.name, self.vocab_size, self.boundary))

    def __repr__(self) -> str:
        return f"TiktokenTokenizer({self._encoding.name!r}, boundary={self.boundary!r})"


def _tiktoken() -> Any:
    with needs("tiktoken", extra="tiktoken", purpose="TiktokenTokenizer"):
        import tiktoken
    return tiktoken
