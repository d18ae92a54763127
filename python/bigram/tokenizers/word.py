"""One id per word, split as KenLM splits text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bigram.common.checks import bad_kind, check_ids, check_index
from bigram.common.types import Ids, Json, Offsets
from bigram.corpus.corpus import iter_word_data
from bigram.corpus.unicode import utf8
from bigram.corpus.units import joined_lines
from bigram.corpus.where import Where
from bigram.kernels import WordIndex
from bigram.tokenizers.errors import UnknownSymbolError
from bigram.tokenizers.ids import as_texts
from bigram.tokenizers.protocol import Granularity

__all__ = ["WordTokenizer"]

BOUNDARY = "</s>"


class WordTokenizer:
    """One id per word; words are separated by NUL, tab, newline, carriage return and space only.

    This is KenLM's convention. The words ``<s>`` and ``</s>`` stand for the ends of a sequence and
    cannot occur in a text; a word equal to `unknown` is the unknown word.

    Parameters
    ----------
    vocab : sequence of str
        The words and ``"</s>"``; the position of a word is its id.
    unknown : str or None
        The word of `vocab` for words that are not in `vocab`. None makes them an error.
    last_new_id : int or None
        If known, the id of the word whose first occurrence in the text of the vocabulary is the
        last: with it `ModifiedKneserNey` reproduces lmplz to the digit.

    Raises
    ------
    ValueError
        If ``"</s>"`` or `unknown` is not in `vocab`, or a symbol is not a word, or is repeated.

    Examples
    --------
    >>> tokenizer = WordTokenizer.from_texts(["to be or", "not to be"])
    >>> tokenizer.vocab
    ('</s>', '<unk>', 'be', 'to', 'not', 'or')
    >>> tokenizer.encode("to be true")
    array([3, 2, 1], dtype=uint8)
    >>> tokenizer.decode([3, 2])
    'to be'
    """

    granularity: ClassVar[Granularity] = "word"
    boundary = BOUNDARY

    def __init__(
        self,
        vocab: Iterable[str],
        *,
        unknown: str | None = "<unk>",
        last_new_id: int | None = None,
    ) -> None:
        self.vocab = tuple(vocab)
        self.unknown = unknown
        self.vocab_size = len(self.vocab)
        self._index, self._numbers = _indexed(self.vocab, unknown)
        self.boundary_id = self.vocab.index(BOUNDARY)
        self.unknown_id = None if unknown is None else self.vocab.index(unknown)
        if last_new_id is not None:
            check_index(last_new_id, "last_new_id", 0, self.vocab_size - 1)
        self.last_new_id = last_new_id

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], *, min_count: int = 1, unknown: str | None = "<unk>"
    ) -> WordTokenizer:
        """Build a tokenizer from the words of `texts`.

        Ids: 0 the boundary ``</s>``, 1 the unknown word if there is one, then words by descending
        count, ties by code point.

        Parameters
        ----------
        texts : iterable of str, or Corpus
        min_count : int
            Words that occur fewer times are unknown.
        unknown : str or None

        Returns
        -------
        WordTokenizer

        Raises
        ------
        ValueError
            If a text contains the word ``<s>`` or ``</s>``; the error says where.

        Examples
        --------
        >>> WordTokenizer.from_texts(["a a b"], min_count=2).vocab
        ('</s>', '<unk>', 'a')
        """
        least = check_index(min_count, "min_count", 1)
        index = WordIndex()
        for data, where in iter_word_data(texts):
            bad = index.add(data)
            if bad >= 0:
                raise _reserved_word(data, bad, where)
        words = index.data().decode("utf-8", "surrogatepass").split("\n")[:-1]
        kept = index.counts() >= least
        if unknown in words:
            kept[words.index(unknown)] = False
        order = index.ranked()
        order = order[kept[order]]
        special = [BOUNDARY] if unknown is None else [BOUNDARY, unknown]
        last_new = np.flatnonzero(kept)[-1:]
        last_id = len(special) + int((order == last_new).argmax()) if last_new.size else 0
        names = map(words.__getitem__, order.tolist())
        return cls((*special, *names), unknown=unknown, last_new_id=last_id)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.vocab)}

    def token_id(self, symbol: str) -> int:
        """Return the id of one word; KeyError if it is not in the vocabulary."""
        try:
            return self._ids[symbol]
        except KeyError:
            raise KeyError(f"word {symbol!r} is not in the vocabulary") from None

    def encode(self, text: str) -> Ids:
        """Return the ids of the words of `text`, without boundaries.

        Parameters
        ----------
        text : str

        Returns
        -------
        array, shape (n_words,), uint8, uint16 or uint32

        Raises
        ------
        UnknownSymbolError
            If a word is not in the vocabulary and there is no unknown word.
        ValueError
            If the text contains the word ``<s>`` or ``</s>``.

        Examples
        --------
        >>> WordTokenizer.from_texts(["a b"]).encode("b  a")
        array([3, 2], dtype=uint8)
        """
        return self.encode_piece(text, Where())

    def encode_piece(self, text: str, where: Where) -> Ids:
        """Encode part of a text that begins at `where`, cut between words."""
        if not isinstance(text, str):
            raise bad_kind(text, "text", "str")
        return self._encoded(utf8(text), where, lines=False)[0]

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return the ids of many texts, each between two boundary ids.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        tokens : array, shape (n_tokens,), uint8, uint16 or uint32
        offsets : int64 array, shape (n_texts + 1,)

        Raises
        ------
        UnknownSymbolError
            If a word is not in the vocabulary and there is no unknown word.
        ValueError
            If a text contains the word ``<s>`` or ``</s>``.

        Examples
        --------
        >>> WordTokenizer.from_texts(["a b"]).encode_batch(["b a", ""])
        (array([0, 3, 2, 0, 0, 0], dtype=uint8), array([0, 4, 6]))
        """
        return self.encode_texts(as_texts(texts), Where())

    def encode_texts(self, texts: list[str], where: Where) -> tuple[Ids, Offsets]:
        """Encode a list of texts, the first of which is `where`."""
        return self._encoded(joined_lines(texts), where, lines=True)

    def encode_lines(self, data: bytes, where: Where) -> tuple[Ids, Offsets]:
        """Encode whole lines of UTF-8, each with its newline."""
        return self._encoded(data, where, lines=True)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the words of the ids, with a space between neighbours.

        Parameters
        ----------
        ids : integers, shape (n,)

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If an id is outside the vocabulary.

        Examples
        --------
        >>> WordTokenizer.from_texts(["a b"]).decode([3, 2])
        'b a'
        """
        return " ".join(map(self.vocab.__getitem__, check_ids(ids, self.vocab_size).tolist()))

    def to_json(self) -> Json:
        """Return a JSON-compatible description, read by `from_json`."""
        return {
            "kind": "word",
            "vocab": list(self.vocab),
            "unknown": self.unknown,
            "last_new_id": self.last_new_id,
        }

    def _encoded(self, data: bytes, where: Where, *, lines: bool) -> tuple[Ids, Offsets]:
        boundary = self.boundary_id if lines else None
        tokens, offsets, bad = self._index.encode(
            data,
            self._numbers,
            self.vocab_size,
            unknown=self.unknown_id,
            boundary=boundary,
            lines=lines,
        )
        if bad < 0:
            return tokens, offsets
        word = _word_at(data, bad)
        if word in ("<s>", BOUNDARY):
            raise _reserved_word(data, bad, where)
        line, position = _place(data, bad, where)
        raise UnknownSymbolError(
            word, where.text_index + line, position, self.vocab_size, where.label(line)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self.vocab, self.unknown, self.last_new_id)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, WordTokenizer)
            and self.vocab == other.vocab
            and self.unknown == other.unknown
        )

    def __hash__(self) -> int:
        return hash((WordTokenizer, self.vocab, self.unknown))

    def __repr__(self) -> str:
        return f"WordTokenizer(<{self.vocab_size} words>, unknown={self.unknown!r})"


def _make(vocab: tuple[str, ...], unknown: str | None, last_new_id: int | None) -> WordTokenizer:
    return WordTokenizer(vocab, unknown=unknown, last_new_id=last_new_id)


def _indexed(
    vocab: tuple[str, ...], unknown: str | None
) -> tuple[WordIndex, npt.NDArray[np.uint32]]:
    """Return an index of the words, special symbols excluded, and their ids."""
    if set(map(type, vocab)) - {str}:
        place = next(i for i, word in enumerate(vocab) if type(word) is not str)
        raise TypeError(f"vocab[{place}] is {type(vocab[place]).__name__}, wanted str")
    for name, symbol in (("boundary", BOUNDARY), ("unknown", unknown)):
        if symbol is not None and vocab.count(symbol) != 1:
            raise ValueError(f"{name} = {symbol!r}, wanted a symbol that is in the vocabulary once")
    if unknown == BOUNDARY:
        raise ValueError(f"unknown = {BOUNDARY!r}, wanted another symbol than the boundary")
    special = [vocab.index(symbol) for symbol in (BOUNDARY, unknown) if symbol is not None]
    words = list(vocab)
    for place in sorted(special, reverse=True):
        del words[place]
    ids = np.delete(np.arange(len(vocab), dtype=np.uint32), special)
    data = utf8("\n".join([*words, ""]))
    index = WordIndex()
    index.add(data)
    if (found := index.data()) != data:
        parts = zip(found.split(b"\n"), data.split(b"\n"), strict=False)
        bad = ids[next((k for k, (a, b) in enumerate(parts) if a != b), len(index))]
        raise ValueError(
            f"vocab[{bad}] = {vocab[bad]!r} is not a word, or is in the vocabulary twice"
        )
    return index, ids


def _word_at(data: bytes, position: int) -> str:
    part = data[position : position + 4096]
    for space in b"\0\t\n\r ":
        part = part[: part.find(space)] if space in part else part
    return part.decode("utf-8", "replace")


def _place(data: bytes, position: int, where: Where) -> tuple[int, int]:
    """Return the line of a byte, and its place in characters from where the text begins."""
    line = data.count(b"\n", 0, position)
    start = data.rfind(b"\n", 0, position) + 1
    return line, len(data[start:position].decode("utf-8", "replace")) + where.shift(line)


def _reserved_word(data: bytes, bad: int, where: Where) -> ValueError:
    line, position = _place(data, bad, where)
    return ValueError(
        f"{where.label(line)} has the word {_word_at(data, bad)!r} at position {position}; "
        "it stands for the ends of a text and cannot occur inside one"
    )
