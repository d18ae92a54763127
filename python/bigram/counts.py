"""Bigram counts: a mergeable sum, and how a corpus becomes one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import storage, tokenizers
from bigram.byte_tokenizer import ByteTokenizer
from bigram.char_counting import count_bytes, count_characters
from bigram.char_tokenizer import CharTokenizer
from bigram.corpus import Corpus, as_corpus, encode_corpus
from bigram.kernels import count_bigrams
from bigram.tokenizers import Tokenizer

__all__ = ["BigramCounts", "count"]


class BigramCounts:
    """How often each token follows each other one.

    Parameters
    ----------
    matrix : array, shape (V, V), integer
        ``matrix[i, j]`` is the number of times that id `j` follows id `i`. An int64 array is taken
        without a copy.
    tokenizer : Tokenizer, optional
        What the ids mean; its vocabulary has V symbols.

    Raises
    ------
    TypeError
        If `matrix` holds no integers.
    ValueError
        If `matrix` is not square, holds a negative count, or has another size than the vocabulary.

    Examples
    --------
    >>> import bigram
    >>> counts = bigram.count(["emma", "ava"])
    >>> counts.vocab_size, counts.total
    (5, 9)
    >>> (counts + counts).total
    18
    """

    def __init__(self, matrix: npt.ArrayLike, tokenizer: Tokenizer | None = None) -> None:
        self.matrix: npt.NDArray[np.int64] = _checked_matrix(matrix)
        self.tokenizer = tokenizer
        self._owned = self.matrix is not matrix  # += must not change an array of the caller's
        if tokenizer is not None and tokenizer.vocab_size != self.vocab_size:
            raise ValueError(
                f"matrix has shape {self.matrix.shape}, but the tokenizer has "
                f"{tokenizer.vocab_size} symbols"
            )

    @property
    def vocab_size(self) -> int:
        """Number of ids, V."""
        return len(self.matrix)

    @property
    def total(self) -> int:
        """Number of pairs counted."""
        return int(self.matrix.sum())

    def __add__(self, other: BigramCounts) -> BigramCounts:
        if not isinstance(other, BigramCounts):
            return NotImplemented
        self._check_alike(other)
        return BigramCounts(self.matrix + other.matrix, self.tokenizer or other.tokenizer)

    def __iadd__(self, other: BigramCounts) -> BigramCounts:
        if not isinstance(other, BigramCounts):
            return NotImplemented
        self._check_alike(other)
        if self._owned:
            self.matrix += other.matrix
        else:
            self.matrix = self.matrix + other.matrix
            self._owned = True
        self.tokenizer = self.tokenizer or other.tokenizer
        return self

    def _check_alike(self, other: BigramCounts) -> None:
        if self.vocab_size != other.vocab_size:
            raise ValueError(
                f"counts over {self.vocab_size} and {other.vocab_size} ids cannot be added"
            )
        if None not in (self.tokenizer, other.tokenizer) and self.tokenizer != other.tokenizer:
            raise ValueError("counts of different tokenizers cannot be added: their ids differ")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BigramCounts):
            return NotImplemented
        return self.tokenizer == other.tokenizer and np.array_equal(self.matrix, other.matrix)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"BigramCounts(vocab_size={self.vocab_size}, total={self.total})"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the counts to a file that `load` and `bigram.load` read.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        arrays, header = self._to_arrays()
        storage.save_arrays(path, "counts", arrays, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BigramCounts:
        """Read counts that `save` wrote.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        BigramCounts

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is damaged or holds something else.
        """
        _, arrays, header = storage.load_arrays(path, kind="counts")
        return cls._from_arrays(arrays, header)

    def _to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        description = None if self.tokenizer is None else self.tokenizer.to_json()
        return {"matrix": self.matrix}, {"tokenizer": description}

    @classmethod
    def _from_arrays(
        cls, arrays: Mapping[str, npt.NDArray[Any]], header: Mapping[str, Any]
    ) -> BigramCounts:
        description = header["tokenizer"]
        tokenizer = None if description is None else tokenizers.from_json(description)
        return cls(arrays["matrix"], tokenizer)


def _checked_matrix(matrix: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(matrix)
    if array.dtype.kind not in "iu":
        raise TypeError(f"matrix has dtype {array.dtype}, wanted integers")
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(f"matrix has shape {array.shape}, wanted (V, V)")
    if array.size == 0:
        raise ValueError("matrix is empty, wanted at least one row")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"matrix holds {array.max()}, which is more than int64 can")
    result = np.ascontiguousarray(array, dtype=np.int64)
    if result.min() < 0:
        row, column = np.argwhere(result < 0)[0]
        raise ValueError(f"matrix[{row}, {column}] = {result[row, column]} is negative")
    return result


def count(
    corpus: Corpus | Iterable[str],
    tokenizer: Tokenizer | None = None,
    *,
    layout: str = "auto",
    progress: bool = False,
) -> BigramCounts:
    r"""Count the bigrams of a corpus.

    Parameters
    ----------
    corpus : Corpus or iterable of str
        Read once, by blocks.
    tokenizer : Tokenizer, optional
        None builds a `CharTokenizer` of all characters met. Its boundary is ``"."``, or ``"\n"``
        where that occurs, or else ``"\x00"``; for `Corpus.text` it has none.
    layout : {"auto", "dense"}
        How the counts are kept.
    progress : bool
        Show a progress bar.

    Returns
    -------
    BigramCounts

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a text cannot be encoded; the error says which and where.

    Examples
    --------
    >>> import bigram
    >>> counts = bigram.count(["ab", "b"])
    >>> counts.tokenizer.vocab
    ('.', 'a', 'b')
    >>> counts.matrix
    array([[0, 1, 1],
           [0, 0, 1],
           [2, 0, 0]])
    """
    if layout not in ("auto", "dense"):
        raise ValueError(f"layout = {layout!r}, wanted 'auto' or 'dense'")
    source = as_corpus(corpus)
    if tokenizer is None or isinstance(tokenizer, CharTokenizer):
        found = count_characters(source, tokenizer, progress)
        if found is not None:
            return BigramCounts(*found)
    if isinstance(tokenizer, ByteTokenizer):
        table = count_bytes(source, tokenizer, progress)
        if table is not None:
            return BigramCounts(table, tokenizer)
    assert tokenizer is not None
    matrix = np.zeros((tokenizer.vocab_size,) * 2, dtype=np.int64)
    for batch in encode_corpus(source, tokenizer, progress=progress):
        count_bigrams(batch.tokens, tokenizer.vocab_size, offsets=batch.offsets, out=matrix)
    return BigramCounts(matrix, tokenizer)
