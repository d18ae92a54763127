"""One id per character."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bigram.common.checks import bad_kind, check_ids
from bigram.common.types import Ids, Json, Offsets
from bigram.corpus.corpus import iter_texts
from bigram.corpus.unicode import code_points
from bigram.corpus.where import Where
from bigram.kernels import encode_characters
from bigram.tokenizers.errors import UnknownSymbolError, boundary_inside
from bigram.tokenizers.ids import as_texts, batch_offsets, id_dtype, line_offsets
from bigram.tokenizers.protocol import Granularity

__all__ = ["CharTokenizer"]

_PART = 1 << 20  # characters: their buffers stay in the cache


@dataclass(frozen=True, repr=False)
class CharTokenizer:
    """One id per character.

    Parameters
    ----------
    vocab : sequence of str
        The symbols; the position of a symbol is its id. Each is a single character; only `unknown`
        may be longer, such as ``"<unk>"``.
    boundary : str or None
        The symbol of `vocab` that stands before and after each sequence.
    unknown : str or None
        The symbol of `vocab` for characters that are not in `vocab`. None makes them an error.

    Raises
    ------
    ValueError
        If a symbol is empty, too long or repeated, or `boundary` or `unknown` is not in `vocab`.

    Examples
    --------
    >>> tokenizer = CharTokenizer.from_texts(["emma", "ava"])
    >>> tokenizer.vocab
    ('.', 'a', 'e', 'm', 'v')
    >>> tokenizer.encode("emma")
    array([2, 3, 3, 1], dtype=uint8)
    >>> tokens, offsets = tokenizer.encode_batch(["emma", "ava"])
    >>> tokens
    array([0, 2, 3, 3, 1, 0, 0, 1, 4, 1, 0], dtype=uint8)
    >>> offsets
    array([ 0,  6, 11])
    >>> tokenizer.decode([2, 3, 3, 1])
    'emma'
    """

    granularity: ClassVar[Granularity] = "character"
    vocab: tuple[str, ...]
    boundary: str | None = None
    unknown: str | None = None
    _ids: dict[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        vocab = tuple(self.vocab)
        ids = dict(zip(vocab, range(len(vocab)), strict=True))
        object.__setattr__(self, "vocab", vocab)
        object.__setattr__(self, "_ids", ids)
        characters = set(map(type, vocab)) <= {str} and set(map(len, vocab)) <= {1}
        if not characters or len(ids) < len(vocab):
            self._check_symbols()
        for name, symbol in (("boundary", self.boundary), ("unknown", self.unknown)):
            if symbol is not None and symbol not in ids:
                raise ValueError(f"{name} = {symbol!r}, wanted a symbol of the vocabulary")
        if self.boundary is not None and self.boundary == self.unknown:
            raise ValueError(f"unknown = {self.unknown!r}, wanted another symbol than boundary")

    def _check_symbols(self) -> None:
        for index, symbol in enumerate(self.vocab):
            if not isinstance(symbol, str):
                raise TypeError(f"vocab[{index}] is {type(symbol).__name__}, wanted str")
            if len(symbol) != 1 and (symbol != self.unknown or not symbol):
                raise ValueError(f"vocab[{index}] = {symbol!r}, wanted a single character")
            if self._ids[symbol] != index:
                raise ValueError(f"vocab[{index}] = {symbol!r} is in the vocabulary twice")

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], *, boundary: str | None = ".", unknown: str | None = None
    ) -> CharTokenizer:
        """Build a tokenizer from the characters of `texts`, sorted by code point.

        Parameters
        ----------
        texts : iterable of str, or Corpus
        boundary : str or None
            A single character that does not occur in the texts; it gets id 0. None is for running
            text.
        unknown : str or None
            A symbol for characters that do not occur in the texts; it gets the last id.

        Returns
        -------
        CharTokenizer

        Raises
        ------
        ValueError
            If a text contains the boundary.

        Examples
        --------
        >>> CharTokenizer.from_texts(["to be"], boundary=None, unknown="<unk>").vocab
        (' ', 'b', 'e', 'o', 't', '<unk>')
        """
        seen = np.zeros(0x110000, dtype=bool)
        position = -1 if boundary is None or len(boundary) != 1 else ord(boundary)
        for batch, where in iter_texts(texts, whole=False):
            seen[code_points("".join(batch))] = True
            if position >= 0 and seen[position]:
                raise boundary_inside(batch, str(boundary), where)
        symbols = {chr(point) for point in np.flatnonzero(seen).tolist()}
        return cls.from_symbols(symbols, boundary=boundary, unknown=unknown)

    @classmethod
    def from_symbols(
        cls, symbols: Iterable[str], *, boundary: str | None = None, unknown: str | None = None
    ) -> CharTokenizer:
        """Build a tokenizer from symbols: `boundary`, then the others sorted, then `unknown`.

        Examples
        --------
        >>> CharTokenizer.from_symbols("ba", boundary=".").vocab
        ('.', 'a', 'b')
        """
        special = [s for s in (boundary, unknown) if s is not None]
        middle = sorted(set(symbols).difference(special))
        first = [] if boundary is None else [boundary]
        last = [] if unknown is None else [unknown]
        return cls((*first, *middle, *last), boundary=boundary, unknown=unknown)

    @property
    def vocab_size(self) -> int:
        """Number of symbols, boundary and unknown included."""
        return len(self.vocab)

    @cached_property
    def boundary_id(self) -> int | None:
        """Id of the boundary symbol, if there is one."""
        return None if self.boundary is None else self._ids[self.boundary]

    @cached_property
    def unknown_id(self) -> int | None:
        """Id of the unknown symbol, if there is one."""
        return None if self.unknown is None else self._ids[self.unknown]

    def token_id(self, symbol: str) -> int:
        """Return the id of one symbol; KeyError if it is not in the vocabulary."""
        try:
            return self._ids[symbol]
        except KeyError:
            raise KeyError(f"symbol {symbol!r} is not in the vocabulary") from None

    def encode(self, text: str) -> Ids:
        """Return the ids of the characters of `text`, without boundaries.

        Parameters
        ----------
        text : str

        Returns
        -------
        array, shape (len(text),), uint8, uint16 or uint32

        Raises
        ------
        UnknownSymbolError
            If a character is not in the vocabulary and there is no unknown symbol.
        ValueError
            If the text contains the boundary symbol.

        Examples
        --------
        >>> CharTokenizer("ab").encode("abba")
        array([0, 1, 1, 0], dtype=uint8)
        """
        return self.encode_piece(text, Where())

    def encode_piece(self, text: str, where: Where) -> Ids:
        """Encode part of a text that begins at `where`."""
        if not isinstance(text, str):
            raise bad_kind(text, "text", "str")
        if self.boundary is not None and self.boundary in text:
            raise boundary_inside([text], self.boundary, where)
        return self._checked(self._lookup(text), [text], None, where)

    def encode_batch(self, texts: Iterable[str]) -> tuple[Ids, Offsets]:
        """Return the ids of many texts, each between two boundary ids if there is a boundary.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        tokens : array, shape (n_tokens,), uint8, uint16 or uint32
        offsets : int64 array, shape (n_texts + 1,)
            Text `i` is ``tokens[offsets[i]:offsets[i + 1]]``, with its boundaries.

        Raises
        ------
        UnknownSymbolError
            If a character is not in the vocabulary and there is no unknown symbol.
        ValueError
            If a text contains the boundary symbol.

        Examples
        --------
        >>> CharTokenizer(".ab", boundary=".").encode_batch(["ab", ""])
        (array([0, 1, 2, 0, 0, 0], dtype=uint8), array([0, 4, 6]))
        """
        return self.encode_texts(as_texts(texts), Where())

    def encode_texts(self, texts: list[str], where: Where) -> tuple[Ids, Offsets]:
        """Encode a list of texts, the first of which is `where`."""
        boundary = self.boundary
        if boundary is None:
            offsets = batch_offsets(texts, 0)
            return self._checked(self._lookup("".join(texts)), texts, offsets, where), offsets
        joined = (boundary * 2).join(["", *texts, ""])
        if joined.count(boundary) != 2 * (len(texts) + 1):
            raise boundary_inside(texts, boundary, where)
        offsets = batch_offsets(texts, 2)
        return self._checked(self._lookup(joined)[1:-1], texts, offsets, where), offsets

    def encode_lines(self, data: bytes, where: Where) -> tuple[Ids, Offsets]:
        """Encode whole lines of UTF-8, each with its newline; ASCII never becomes str."""
        mark = (self.boundary or "").encode("utf-8", "surrogatepass")
        if data.isascii() and mark.isascii() and (mark in (b"", b"\n") or mark not in data):
            ids = self._lookup_ascii(mark + data.replace(b"\n", mark * 2))
            ids = ids[: ids.size - len(mark)]
            if self._first_missing(ids) < 0:
                return self._narrow(ids), line_offsets(data, 2 * len(mark))
        return self.encode_texts(data.decode().split("\n")[:-1], where)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Return the text of the ids; a boundary id becomes the boundary symbol.

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
        >>> CharTokenizer("ab").decode([1, 0])
        'ba'
        """
        array = check_ids(ids, self.vocab_size)
        if self.unknown_id is not None and len(self.vocab[self.unknown_id]) != 1:
            return "".join(map(self.vocab.__getitem__, array.tolist()))
        points: npt.NDArray[np.uint32] = self._points.take(array)
        return points.tobytes().decode("utf-32-le", "surrogatepass")

    def to_json(self) -> Json:
        """Return a JSON-compatible description, read by `from_json`."""
        return {
            "kind": "char",
            "vocab": list(self.vocab),
            "boundary": self.boundary,
            "unknown": self.unknown,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return CharTokenizer, (self.vocab, self.boundary, self.unknown)

    def __repr__(self) -> str:
        return (
            f"CharTokenizer(<{self.vocab_size} symbols>, boundary={self.boundary!r}, "
            f"unknown={self.unknown!r})"
        )

    @cached_property
    def _points(self) -> npt.NDArray[np.uint32]:
        """Code point of each id, for vocabularies of single characters."""
        return code_points("".join(self.vocab)).astype("<u4")

    @cached_property
    def _missing(self) -> int:
        """What the lookup gives for a character outside the vocabulary."""
        return self.vocab_size if self.unknown_id is None else self.unknown_id

    @cached_property
    def _table(self) -> Ids:
        """Id of each code point; the last entry is for all larger code points."""
        characters = [(ord(s), i) for s, i in self._ids.items() if len(s) == 1]
        size = max((point for point, _ in characters), default=0) + 2
        table = np.full(max(size, 256), self._missing, dtype=id_dtype(self.vocab_size + 1))
        for point, index in characters:
            table[point] = index
        return table

    @cached_property
    def _byte_table(self) -> bytes | None:
        """The table of ASCII for `bytes.translate`; None if an id does not fit into a byte."""
        return self._table[:256].tobytes() if self._table.dtype == np.uint8 else None

    def _lookup(self, text: str) -> Ids:
        """Return the id of every character, `_missing` for those outside the vocabulary.

        Long texts are looked up in parts, between which Ctrl-C is heard.
        """
        if len(text) <= _PART:
            return self._lookup_part(text)
        out = np.empty(len(text), self._table.dtype)
        for start in range(0, len(text), _PART):
            out[start : start + _PART] = self._lookup_part(text[start : start + _PART])
        return out

    def _lookup_part(self, text: str) -> Ids:
        if text.isascii():
            return self._lookup_ascii(text.encode("ascii"))
        out = np.empty(len(text), self._table.dtype)
        return encode_characters(text.encode("utf-8", "surrogatepass"), self._table, out=out)[0]

    def _lookup_ascii(self, data: bytes) -> Ids:
        """Return the id of every byte of ASCII text, unchecked."""
        if self._byte_table is not None:
            return np.frombuffer(bytearray(data).translate(self._byte_table), dtype=np.uint8)
        return self._table.take(np.frombuffer(data, dtype=np.uint8))

    def _first_missing(self, ids: Ids) -> int:
        """Return the position of the first id that `_lookup` could not find, -1 if none."""
        if self.unknown_id is not None or ids.size == 0 or ids.max() < self.vocab_size:
            return -1
        return int((ids == self.vocab_size).argmax())

    def _narrow(self, ids: Ids) -> Ids:
        """Return ids in the dtype of the vocabulary; the lookup uses one more id for errors."""
        return ids.astype(id_dtype(self.vocab_size), copy=False)

    def _checked(self, ids: Ids, texts: list[str], offsets: Offsets | None, where: Where) -> Ids:
        """Return ids in the vocabulary's dtype, or raise for the first unknown character."""
        bad = self._first_missing(ids)
        if bad < 0:
            return self._narrow(ids)
        index, place = 0, bad
        if offsets is not None:
            index = int(offsets.searchsorted(bad, side="right")) - 1
            place = bad - int(offsets[index]) - (self.boundary is not None)
        raise UnknownSymbolError(
            texts[index][place],
            where.text_index + index,
            place + where.shift(index),
            self.vocab_size,
            where.label(index),
        )
