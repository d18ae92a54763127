"""Counts to and from what other programs read: Arrow, pandas, TSV, Parquet and SciPy's .npz."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from bigram.common.types import Csr, Dense, StrPath
from bigram.counts import arrow, npz, tsv
from bigram.counts.matrix import as_sparse, sound
from bigram.tokenizers.protocol import Tokenizer

if TYPE_CHECKING:
    from typing_extensions import Self

    from bigram.counts.arrow import DataFrame, Table

__all__ = ["CountsExport"]


class CountsExport:
    """The part of `BigramCounts` that speaks other formats; what is written reads back equal."""

    matrix: Dense | Csr
    tokenizer: Tokenizer | None

    @classmethod
    @abstractmethod
    def _from_checked(
        cls, matrix: Dense | Csr, tokenizer: Tokenizer | None, *, layout: str | None
    ) -> Self:
        """Wrap a matrix that this package has made, in the layout wanted."""

    def to_arrow(self) -> Table:
        """Return the pairs as a ``pyarrow.Table``, in the order of ids.

        Returns
        -------
        pyarrow.Table
            Columns ``context`` and ``next`` (int32 ids) and ``count`` (int64); with a tokenizer
            also ``context_symbol`` and ``next_symbol`` (dictionaries of strings).

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        return arrow.to_arrow(sound(self.matrix), self.tokenizer)

    def to_pandas(self) -> DataFrame:
        """Return the pairs as a ``pandas.DataFrame`` with the columns of `to_arrow`.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return arrow.to_pandas(sound(self.matrix), self.tokenizer)

    def to_tsv(self, path: StrPath) -> None:
        """Write the pairs as tab-separated values.

        A first line, ``# bigram counts`` and JSON, keeps the tokenizer and V. The second names the
        columns context, next and count; then comes a line a pair. Symbols, or ids where there is no
        tokenizer; tab, newline, backslash and other controls in symbols are escaped as in JSON.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        See `from_tsv`.
        """
        tsv.write_tsv(sound(self.matrix), self.tokenizer, path)

    @classmethod
    def from_tsv(
        cls,
        path: StrPath,
        *,
        tokenizer: Tokenizer | None = None,
        vocab_size: int | None = None,
    ) -> Self:
        """Read counts that `to_tsv` or another program wrote, one pair a line, in any order.

        Parameters
        ----------
        path : str or path-like
        tokenizer : Tokenizer, optional
            For a file of symbols that another program wrote.
        vocab_size : int, optional
            For a file of ids that another program wrote; None: the largest id and one.

        Returns
        -------
        BigramCounts
            Dense up to 4,096 ids, else sparse. Equal pairs add up.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If a line is not context, next and count, or they are out of range.

        Examples
        --------
        >>> import tempfile, bigram
        >>> counts = bigram.count(["emma", "ava"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     counts.to_tsv(f"{folder}/counts.tsv")
        ...     bigram.BigramCounts.from_tsv(f"{folder}/counts.tsv") == counts
        True
        """
        return cls._from_checked(
            *tsv.read_tsv(path, tokenizer=tokenizer, vocab_size=vocab_size), layout="auto"
        )

    def to_parquet(self, path: StrPath) -> None:
        """Write the pairs to a Parquet file with the columns of `to_arrow`.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        OSError
            If the file cannot be written.
        """
        arrow.write_parquet(sound(self.matrix), self.tokenizer, path)

    @classmethod
    def from_parquet(cls, path: StrPath, *, vocab_size: int | None = None) -> Self:
        """Read counts from the columns context, next and count of a Parquet file.

        Parameters
        ----------
        path : str or path-like
        vocab_size : int, optional
            For a file that another program wrote; None: the largest id and one.

        Returns
        -------
        BigramCounts
            Dense up to 4,096 ids, else sparse. Equal pairs add up.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        OSError
            If the file cannot be read.
        ValueError
            If it is no Parquet file of counts, or is damaged.
        """
        return cls._from_checked(*arrow.read_parquet(path, vocab_size=vocab_size), layout="auto")

    def to_npz(self, path: StrPath) -> None:
        """Write the counts to a file that ``scipy.sparse.load_npz`` reads.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        See `from_npz`.
        """
        npz.write_npz(as_sparse(sound(self.matrix)), self.tokenizer, path)

    @classmethod
    def from_npz(cls, path: StrPath) -> Self:
        """Read counts that `to_npz` or ``scipy.sparse.save_npz`` wrote.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        BigramCounts
            Dense up to 4,096 ids, else sparse.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it holds something else or is damaged.

        Examples
        --------
        >>> import tempfile, bigram
        >>> counts = bigram.count(["emma", "ava"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     counts.to_npz(f"{folder}/counts.npz")
        ...     bigram.BigramCounts.from_npz(f"{folder}/counts.npz") == counts
        True
        """
        return cls._from_checked(*npz.read_npz(path), layout="auto")
