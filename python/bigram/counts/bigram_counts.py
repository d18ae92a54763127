"""Bigram counts: a mergeable sum, dense or sparse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from bigram.common.checks import check_index
from bigram.common.types import Csr, Dense, StrPath
from bigram.counts import merging, summaries
from bigram.counts.exchange import CountsExport
from bigram.counts.foreign import checked_matrix
from bigram.counts.matrix import as_dense, as_sparse, is_dense_layout, sound
from bigram.counts.row_files import arrays_of, matrix_of
from bigram.counts.rows import add_sparse, pairs_of
from bigram.storage.container import load_object, save_arrays
from bigram.tokenizers.description import from_json
from bigram.tokenizers.protocol import Tokenizer, check_tokenizer

if TYPE_CHECKING:
    from scipy.sparse import csr_array, sparray, spmatrix

__all__ = ["BigramCounts"]


class BigramCounts(CountsExport):
    """How often each token follows each other token.

    Parameters
    ----------
    matrix : array or SciPy sparse array, shape (V, V), integer
        ``matrix[i, j]`` is the number of times that id `j` follows id `i`. An int64 array, or
        ``csr_array`` of int64 with sorted indices, is taken without a copy.
    tokenizer : Tokenizer, optional
        What the ids mean; its vocabulary has V symbols.

    Attributes
    ----------
    matrix : int64 array or ``scipy.sparse.csr_array`` with sorted indices, shape (V, V)
    tokenizer : Tokenizer or None

    Raises
    ------
    TypeError
        If the dtype of `matrix` is not an integer type.
    ValueError
        If `matrix` is not square, is empty, holds a negative count, or has another size than the
        vocabulary.

    Examples
    --------
    >>> import bigram
    >>> counts = bigram.count(["emma", "ava"])
    >>> counts.vocab_size, counts.total
    (5, 9)
    >>> (counts + counts).total
    18
    >>> counts.top(1)
    [('a', '.', 2)]
    """

    kind: ClassVar[str] = "counts"
    matrix: Dense | csr_array[Any, tuple[int, int]]

    def __init__(
        self,
        matrix: npt.ArrayLike | sparray | spmatrix,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        check_tokenizer(tokenizer)
        self.matrix = checked_matrix(matrix, tokenizer)
        self.tokenizer = tokenizer
        self._owned = self.matrix is not matrix  # += must not change the caller's array

    @classmethod
    def _from_checked(
        cls, matrix: Dense | Csr, tokenizer: Tokenizer | None, *, layout: str | None = None
    ) -> BigramCounts:
        """Return counts around a matrix that needs no check, converted to `layout` if given."""
        counts = cls.__new__(cls)
        if layout is not None:
            dense = is_dense_layout(layout, matrix.shape[0])
            matrix = as_dense(matrix) if dense else as_sparse(matrix)
        counts.matrix, counts.tokenizer, counts._owned = matrix, tokenizer, True
        return counts

    @property
    def vocab_size(self) -> int:
        """Number of ids, V."""
        return int(self.matrix.shape[0])

    @property
    def total(self) -> int:
        """Number of pairs counted."""
        return int(self._values().sum())

    @property
    def num_pairs(self) -> int:
        """Number of distinct pairs."""
        return int(np.count_nonzero(self._values()))

    def _values(self) -> Dense:
        return self.matrix if isinstance(self.matrix, np.ndarray) else self.matrix.data

    # ---- sums

    def merge(
        *counts_or_paths: BigramCounts | StrPath, out: StrPath | None = None, progress: bool = False
    ) -> BigramCounts:
        """Add up counts, in memory or in files, a few million pairs at a time.

        Parameters
        ----------
        *counts_or_paths : BigramCounts, or path of a file that ``BigramCounts.save`` wrote
            At least one; all over the same ids.
        out : path, optional
            File for the sum, which then need not fit into memory; it may be one of the inputs.
        progress : bool
            Show a progress bar.

        Returns
        -------
        BigramCounts
            The sum: dense up to 4,096 ids, else sparse; with `out`, memory-mapped from that file.

        Raises
        ------
        OSError
            If a file cannot be read or written.
        TypeError
            If an argument is neither counts nor a path.
        ValueError
            If there is nothing to add, a file is damaged, or the ids differ.

        Examples
        --------
        >>> import bigram
        >>> a = bigram.count(["emma"])
        >>> bigram.merge(a, a, a).total
        15
        """
        matrix, tokenizer = merging.merge(counts_or_paths, out=out, progress=progress)
        total = BigramCounts._from_checked(matrix, tokenizer)
        if out is not None and isinstance(matrix, np.ndarray):
            total.save(out)
        return total

    def __add__(self, other: BigramCounts) -> BigramCounts:
        if not isinstance(other, BigramCounts):
            return NotImplemented
        tokenizer = merging.tokenizer_of_sum(self, other)
        a, b = self.matrix, other.matrix
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            return BigramCounts._from_checked(a + b, tokenizer)
        layout = None if type(a) is type(b) else "auto"
        return BigramCounts._from_checked(
            add_sparse([self.to_scipy(), other.to_scipy()]), tokenizer, layout=layout
        )

    def __radd__(self, other: object) -> BigramCounts:
        if type(other) is not int or other != 0:  # with which the builtin sum() begins
            return NotImplemented
        return BigramCounts._from_checked(sound(self.matrix).copy(), self.tokenizer)

    def __iadd__(self, other: BigramCounts) -> BigramCounts:
        if not isinstance(other, BigramCounts):
            return NotImplemented
        dense = isinstance(self.matrix, np.ndarray) and isinstance(other.matrix, np.ndarray)
        if dense and self._owned:
            self.tokenizer = merging.tokenizer_of_sum(self, other)
            cast(Dense, self.matrix)[...] += cast(Dense, other.matrix)
        else:
            total = self + other
            self.matrix, self.tokenizer, self._owned = total.matrix, total.tokenizer, True
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BigramCounts):
            return NotImplemented
        if self.tokenizer != other.tokenizer or self.vocab_size != other.vocab_size:
            return False
        return summaries.equal(sound(self.matrix), sound(other.matrix))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"BigramCounts(vocab_size={self.vocab_size}, total={self.total})"

    # ---- reading the counts

    def pairs(self) -> Iterator[tuple[Dense, Dense, Dense]]:
        """Yield the contexts, next ids and counts of all pairs, in order, block by block.

        Yields
        ------
        contexts, nexts, counts : int64 arrays, shape (n,)

        Examples
        --------
        >>> list(BigramCounts(np.array([[0, 2], [1, 0]])).pairs())
        [(array([0, 1]), array([1, 0]), array([2, 1]))]
        """
        return pairs_of(sound(self.matrix))

    def top(self, k: int) -> list[tuple[Any, Any, int]]:
        """Return the most frequent pairs.

        Parameters
        ----------
        k : int
            How many pairs; fewer are returned if there are fewer distinct pairs.

        Returns
        -------
        list of (context, next, count)
            Symbols, or ids without a tokenizer. In order of falling counts, ties by ids.

        Raises
        ------
        TypeError, ValueError
            If `k` is not an integer, or is negative.

        Examples
        --------
        >>> import bigram
        >>> bigram.count(["emma", "ava"]).top(2)
        [('a', '.', 2), ('.', 'a', 1)]
        """
        k = check_index(k, "k", 0)
        best = summaries.most_frequent(sound(self.matrix), k)
        contexts, nexts, counts = (column.tolist() for column in best)
        if self.tokenizer is not None:
            vocab = self.tokenizer.vocab
            contexts, nexts = [vocab[i] for i in contexts], [vocab[j] for j in nexts]
        return list(zip(contexts, nexts, counts, strict=True))

    def row(self, i: int) -> Dense:
        """Return how often each token follows token `i`.

        Parameters
        ----------
        i : int
            Id of the context, in [0, V).

        Returns
        -------
        int64 array, shape (V,)

        Raises
        ------
        TypeError, ValueError
            If `i` is not an integer, or is outside [0, V).

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 0]])).row(0)
        array([0, 2])
        """
        return summaries.row(self.matrix, check_index(i, "i", 0, self.vocab_size - 1))

    def context_counts(self) -> Dense:
        """Return how often each token is a context, the row sums: int64, shape (V,).

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 0]])).context_counts()
        array([2, 1])
        """
        return summaries.row_sums(sound(self.matrix))

    def unigram_counts(self) -> Dense:
        """Return how often each token follows another, the column sums: int64, shape (V,).

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 0]])).unigram_counts()
        array([1, 2])
        """
        return summaries.column_sums(sound(self.matrix))

    def continuation_counts(self) -> Dense:
        """Return how many distinct contexts each token follows: int64, shape (V,).

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 3]])).continuation_counts()
        array([1, 2])
        """
        return summaries.distinct_contexts(sound(self.matrix))

    def prune(self, min_count: int) -> BigramCounts:
        """Return the counts without the pairs that were counted less than `min_count` times.

        Parameters
        ----------
        min_count : int
            The smallest count that is kept.

        Returns
        -------
        BigramCounts
            In the same layout.

        Raises
        ------
        TypeError, ValueError
            If `min_count` is not an integer, or is negative.

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 0]])).prune(2).to_dense()
        array([[0, 2],
               [0, 0]])
        """
        least = check_index(min_count, "min_count", 0)
        kept = summaries.pruned(sound(self.matrix), least)
        return BigramCounts._from_checked(kept, self.tokenizer)

    def to_scipy(self) -> Csr:
        """Return the counts as a ``csr_array`` with sorted indices, int64, shape (V, V).

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 0]])).to_scipy().nnz
        2
        """
        return as_sparse(sound(self.matrix))

    def to_dense(self) -> Dense:
        """Return the counts as an array, int64, shape (V, V); a dense matrix is not copied.

        Examples
        --------
        >>> BigramCounts(np.array([[0, 2], [1, 0]])).to_dense()
        array([[0, 2],
               [1, 0]])
        """
        return as_dense(sound(self.matrix))

    # ---- files

    def save(self, path: StrPath) -> None:
        """Write the counts to a file that `load` and `bigram.load` read.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        save_arrays(path, "counts", *self._to_arrays())

    @classmethod
    def load(cls, path: StrPath) -> BigramCounts:
        """Read counts that `save` wrote; sparse ones are memory-mapped.

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

        Examples
        --------
        >>> import bigram, tempfile
        >>> counts = bigram.count(["emma", "ava"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     counts.save(f"{folder}/counts.safetensors")
        ...     BigramCounts.load(f"{folder}/counts.safetensors") == counts
        True
        """
        return cast(BigramCounts, load_object(path, {cls.kind: cls}, mmap=(cls.kind,)))

    def _to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        description = None if self.tokenizer is None else self.tokenizer.to_json()
        header = {"tokenizer": description, "vocab_size": self.vocab_size, "total": self.total}
        return arrays_of(sound(self.matrix)), header

    @classmethod
    def _from_arrays(
        cls, arrays: Mapping[str, npt.NDArray[Any]], header: Mapping[str, Any]
    ) -> BigramCounts:
        description = header["tokenizer"]
        tokenizer = None if description is None else from_json(description)
        matrix = matrix_of(arrays, header["vocab_size"])
        if isinstance(matrix, np.ndarray):
            return cls(np.array(matrix), tokenizer)
        if tokenizer is not None and tokenizer.vocab_size != header["vocab_size"]:
            raise ValueError("the tokenizer has another number of symbols than the counts")
        return cls._from_checked(matrix, tokenizer)
