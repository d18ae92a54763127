"""Words: split by KenLM's rule, counted, numbered, and turned into token ids."""

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
    Text is bytes of UTF-8 (any bytes, in fact), below 4 GiB a call. Once an index has been read,
    it takes no more text.

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
        """Count the words of a text, giving numbers to new ones.

        Parameters
        ----------
        text : bytes

        Returns
        -------
        int
            -1, or the position of the first ``<s>`` or ``</s>``, where counting stopped: those
            words stand for the ends of a line.

        Raises
        ------
        ValueError
            If the index has been read already.
        """
        return self._core.add(np.frombuffer(text, dtype=np.uint8))

    def __len__(self) -> int:
        return self._core.size()

    def data(self) -> bytes:
        """Return the words in the order of their numbers, each with a newline after it."""
        return self._core.words()

    def words(self) -> list[bytes]:
        """Return the words, position = number."""
        return self.data().split(b"\n")[:-1]

    def counts(self) -> npt.NDArray[np.int64]:
        """Return how often each word was met, shape (n,)."""
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
            With `lines`, whole lines, each with a newline at its end.
        ids : uint32 array, shape (n,)
            Id of each word number.
        vocab_size : int
            All ids are below it; it decides the dtype of the tokens.
        unknown : int, optional
            Id of words that the index lacks. None makes them an error.
        boundary : int, optional
            Id before and after each line.
        lines : bool
            Whether a newline ends a sequence, or is a space like any other.
        num_threads : int, optional
            See :func:`bigram.set_num_threads`.

        Returns
        -------
        tokens : array, shape (n_tokens,), uint8, uint16 or uint32
        offsets : int64 array, shape (n_lines + 1,)
        bad : int
            -1, or the position of the first ``<s>``, ``</s>``, or word that is an error.

        Raises
        ------
        TypeError
            If `ids` is no uint32 array.
        ValueError
            If `ids` has another length than the index, or the last line has no newline.

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
