"""Words of a text: split by KenLM's rule, counted, numbered and encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.threads import resolve_num_threads

__all__ = ["WordIndex"]


class WordIndex:
    """The distinct words of some text, numbered from 0 in the order of first occurrence.

    Words are split at the bytes NUL, tab, newline, carriage return and space, and nothing else.
    A text is UTF-8 (any bytes are accepted) of less than 4 GiB a call. Once an index has been read,
    no more text can be added.

    Examples
    --------
    >>> from bigram.kernels import WordIndex
    >>> index = WordIndex()
    >>> index.add(b"to be or not to be")
    -1
    >>> index.words(), index.counts()
    ([b'to', b'be', b'or', b'not'], array([2, 2, 1, 1]))
    >>> index.ranked()
    array([1, 0, 3, 2])
    """

    def __init__(self) -> None:
        self._core = _core.Words()

    def add(self, text: bytes) -> int:
        """Count the words of a text; new ones get the next numbers.

        Parameters
        ----------
        text : bytes

        Returns
        -------
        int
            -1, or the position of the first ``<s>`` or ``</s>``, where counting stopped: those
            words mark the ends of a line.

        Raises
        ------
        ValueError
            If the index has been read already.
        """
        return self._core.add(np.frombuffer(text, dtype=np.uint8))

    def __len__(self) -> int:
        return self._core.size()

    def data(self) -> bytes:
        """Return the words in the order of their numbers, each followed by a newline."""
        return self._core.words()

    def words(self) -> list[bytes]:
        """Return the words, position = number."""
        return self.data().split(b"\n")[:-1]

    def counts(self) -> npt.NDArray[np.int64]:
        """Return how often each word occurred, shape (n,)."""
        return self._core.counts()

    def ranked(self) -> npt.NDArray[np.int64]:
        """Return the numbers by descending count, ties by the bytes of the words, shape (n,)."""
        return self._core.ranked()

    def encode(
        self,
        text: bytes,
        ids: npt.NDArray[np.uint32],
        vocab_size: int,
        *,
        unknown: int | None = None,
        boundary: int | None = None,
        lines: bool = False,
        num_threads: int | None = None,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], int]:
        r"""Return the token ids of the words of a text.

        Parameters
        ----------
        text : bytes
            With `lines`, whole lines that each end with a newline.
        ids : uint32 array, shape (n,)
            The id of each word, by its number.
        vocab_size : int
            Larger than all ids; it decides the dtype of the tokens.
        unknown : int, optional
            The id of words that are not in the index. None makes them an error.
        boundary : int, optional
            The id put before and after each line; only with `lines`.
        lines : bool
            Whether a newline ends a sequence; otherwise it separates words as a space does.
        num_threads : int, optional
            See :func:`bigram.set_num_threads`.

        Returns
        -------
        tokens : array, shape (n_tokens,), uint8, uint16 or uint32
        offsets : int64 array, shape (n_lines + 1,)
            Line ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``; only ``[0]`` without `lines`.
        bad : int
            -1, or the position of the first ``<s>``, ``</s>``, or word that is an error.

        Raises
        ------
        TypeError
            If `ids` is not a uint32 array.
        ValueError
            If `ids` and the index differ in length, or the last line does not end with a newline.

        Examples
        --------
        >>> index = WordIndex()
        >>> index.add(b"a b")
        -1
        >>> ids = np.array([1, 2], dtype=np.uint32)
        >>> index.encode(b"b a\nb\n", ids, 3, boundary=0, lines=True)
        (array([0, 2, 1, 0, 0, 2, 0], dtype=uint8), array([0, 4, 7]), -1)
        """
        return self._core.encode(
            np.frombuffer(text, dtype=np.uint8),
            ids,
            vocab_size,
            -1 if unknown is None else unknown,
            -1 if boundary is None else boundary,
            lines,
            resolve_num_threads(num_threads),
        )
