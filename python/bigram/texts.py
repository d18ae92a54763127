"""What the tokenizers share: where a text comes from, errors that say so, checks and offsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from bigram.kernels._checks import check_inside

Ids: TypeAlias = npt.NDArray[Any]  # uint8, uint16 or uint32: the smallest that holds vocab_size - 1
Offsets: TypeAlias = npt.NDArray[np.int64]
Json: TypeAlias = dict[str, Any]


class Where(NamedTuple):
    """Where the first of some texts comes from, for error messages."""

    text_index: int = 0  # number of texts before it
    position: int = 0  # number of its characters that came before (a text read in pieces)
    path: str | None = None
    line: int = 0  # number of lines before it in the file

    def label(self, index: int) -> str:
        """Name the text that is `index` texts further on."""
        if self.path is None:
            return f"texts[{self.text_index + index}]"
        return f"{self.path}: line {self.line + index + 1}"

    def shift(self, index: int) -> int:
        """Return how far positions in the text that is `index` texts further on are off."""
        return self.position if index == 0 else 0


class UnknownSymbolError(ValueError):
    """A text holds a symbol that the vocabulary lacks.

    Attributes
    ----------
    character : str
        A word, for tokenizers of words.
    code_point : int
        Of its first character.
    text_index : int
        Index of the text among those given, from 0.
    position : int
        Index of the character in that text, from 0.

    Examples
    --------
    >>> import bigram
    >>> try:
    ...     bigram.CharTokenizer.from_texts(["abc"]).encode("bad")
    ... except bigram.UnknownSymbolError as error:
    ...     print(error.character, error.position)
    d 2
    """

    def __init__(
        self, character: str, text_index: int, position: int, vocab_size: int, label: str = ""
    ) -> None:
        super().__init__(character, text_index, position, vocab_size, label)
        self.character = character
        self.code_point = ord(character[0])
        self.text_index = text_index
        self.position = position
        self._vocab_size = vocab_size
        self._label = label or f"texts[{text_index}]"

    def __str__(self) -> str:
        named = f" (U+{self.code_point:04X})" if len(self.character) == 1 else ""
        return (
            f"{self._label} has {self.character!r}{named} at position "
            f"{self.position}, which is not among the {self._vocab_size} symbols of the "
            "vocabulary; build the tokenizer with unknown= to map such symbols to one id"
        )


def boundary_inside(
    texts: Sequence[str | bytes], boundary: str | bytes, where: Where
) -> ValueError:
    """Return the error for the first of `texts` that holds the boundary symbol."""
    index, position = next(
        (i, text.find(boundary))  # type: ignore[arg-type]
        for i, text in enumerate(texts)
        if boundary in text  # type: ignore[operator]
    )
    return ValueError(
        f"{where.label(index)} has the boundary symbol {boundary!r} at position "
        f"{position + where.shift(index)}; a boundary cannot occur inside a text: "
        "choose another with boundary="
    )


def id_dtype(vocab_size: int) -> np.dtype[Any]:
    """Return the smallest of uint8, uint16 and uint32 that holds ``vocab_size - 1``."""
    return np.min_scalar_type(max(vocab_size - 1, 0))


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of `text`, lone surrogates among them; read-only."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return `texts` as a list, or say which of them is no str."""
    if isinstance(texts, (str, bytes)):
        raise TypeError(
            f"texts is a {type(texts).__name__}, wanted an iterable of str: pass [text]"
        )
    if isinstance(texts, Mapping):
        raise TypeError(f"texts is a {type(texts).__name__}, wanted an iterable of str")
    result = texts if isinstance(texts, list) else list(texts)
    for index, text in enumerate(result):
        if not isinstance(text, str):
            raise TypeError(f"texts[{index}] is {type(text).__name__}, wanted str")
    return result


def check_ids(ids: npt.ArrayLike, vocab_size: int) -> npt.NDArray[Any]:
    """Return `ids` as a 1-D array of integers, all in the vocabulary."""
    array = np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"ids has {array.ndim} dimensions, wanted 1")
    if array.size == 0:
        return np.empty(0, dtype=np.uint8)
    check_inside(array, vocab_size, "ids")
    return array


def batch_offsets(texts: Sequence[str | bytes], extra: int) -> Offsets:
    """Return the offsets of sequences as long as `texts`, each with `extra` more ids."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + extra, out=offsets[1:])
    return offsets


def line_offsets(data: bytes, extra: int) -> Offsets:
    """Return the offsets of whole lines of bytes without newlines, each with `extra` more ids."""
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
    offsets = np.zeros(len(ends) + 1, dtype=np.int64)
    offsets[1:] = ends + np.arange(extra, extra + (extra - 1) * len(ends), extra - 1)
    return offsets


def between_boundaries(
    sequences: Sequence[Sequence[int]], boundary: int | None, vocab_size: int
) -> tuple[Ids, Offsets]:
    """Return tokens and offsets of lists of ids, each between two boundaries if there is one."""
    extra = 0 if boundary is None else 2
    offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    np.cumsum(lengths + extra, out=offsets[1:])
    flat = np.fromiter(chain.from_iterable(sequences), id_dtype(vocab_size), int(lengths.sum()))
    if boundary is None:
        return flat, offsets
    tokens = np.full(int(offsets[-1]), boundary, dtype=flat.dtype)
    inside = np.ones(tokens.size, dtype=bool)
    inside[offsets[:-1]] = False
    inside[offsets[1:] - 1] = False
    tokens[inside] = flat
    return tokens, offsets
