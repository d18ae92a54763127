"""The bigram model fitted by counting: counts, a smoothing, and the table made of both."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from bigram.arpa.reader import read_arpa
from bigram.common.checks import check_index, check_number
from bigram.common.types import StrPath
from bigram.counting.count import count
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.compatibility import as_counts
from bigram.inference.model import BigramModel
from bigram.smoothing.additive import MLE, AddK
from bigram.smoothing.base import Smoothing
from bigram.smoothing.description import from_json as smoothing_from_json
from bigram.smoothing.pruning import pairs_to_keep, rare_pairs_left_out, without_pairs
from bigram.tables.conversion import as_backoff
from bigram.tables.conversion import from_arrays as table_from_arrays
from bigram.tokenizers.description import from_json as tokenizer_from_json
from bigram.tokenizers.protocol import check_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from bigram.corpus.corpus import Corpus
    from bigram.inference.evaluation import Evaluation
    from bigram.smoothing.base import Discounts
    from bigram.tables.base import Table
    from bigram.tokenizers.protocol import Tokenizer

_ADD_ONE = AddK(1.0)
_TABLE_PREFIX = "table."


class CountModel(BigramModel):
    r"""A bigram language model fitted by counting pairs.

    Parameters
    ----------
    smoothing : Smoothing
        How counts become probabilities; `MLE()` takes the relative frequencies.
    tokenizer : Tokenizer, optional
        Built from the first corpus if None: its characters, with "." before and after each
        sequence (or "\n" where "." occurs). The vocabulary is fixed by the first fit.

    Attributes
    ----------
    counts : BigramCounts or None
        What the model was fitted on; None for a model read from an ARPA file.
    smoothing : Smoothing or None
        None if the model has no counts.

    Examples
    --------
    >>> import bigram
    >>> model = bigram.CountModel(bigram.AddK(1.0)).fit(["emma", "olivia", "ava"])
    >>> model.counts.total
    16
    >>> round(model.score("eva"), 4)
    -6.61
    """

    kind: ClassVar[str] = "count_model"
    _warned = False  # that maximum likelihood is infinite

    def __init__(self, smoothing: Smoothing = _ADD_ONE, tokenizer: Tokenizer | None = None) -> None:
        if not isinstance(smoothing, Smoothing):
            raise TypeError(
                f"smoothing is {type(smoothing).__name__}, wanted one of bigram's smoothings, "
                "such as AddK(1.0)"
            )
        self.smoothing: Smoothing | None = smoothing
        check_tokenizer(tokenizer)
        self.tokenizer = tokenizer
        self.counts: BigramCounts | None = None
        self._table: Table | None = None

    def fit(self, corpus: Corpus | Iterable[str], *, progress: bool = False) -> CountModel:
        """Count a corpus. This replaces the counts of an earlier fit and keeps its vocabulary.

        Parameters
        ----------
        corpus : Corpus or iterable of str
        progress : bool
            Show a progress bar on standard error.

        Returns
        -------
        CountModel
            The model itself.

        Raises
        ------
        UnknownSymbolError
            If a symbol is outside the vocabulary; the model is unchanged.
        ValueError
            If the corpus is empty, as an iterator is that has been read before, or the model
            holds probabilities without counts.
        TypeError
            If `corpus` is a bare str, or not a corpus.

        Examples
        --------
        >>> import bigram
        >>> bigram.CountModel(bigram.MLE()).fit(["ab", "ab", "b"])
        CountModel(MLE(), 3 symbols, 8 pairs)
        """
        self._set_counts(_not_empty(count(corpus, self.tokenizer, progress=progress)))
        return self

    def partial_fit(self, corpus: Corpus | Iterable[str], *, progress: bool = False) -> CountModel:
        """Add the counts of another corpus, with the vocabulary of the first.

        Parameters and errors are those of `fit`; a corpus without a pair adds nothing, where there
        is a vocabulary.

        Examples
        --------
        >>> import bigram
        >>> model = bigram.CountModel().fit(["ab"]).partial_fit(["ba"])
        >>> model.counts.total
        6
        """
        self._require_smoothing()
        added = count(corpus, self.tokenizer, progress=progress)
        if self.tokenizer is None and self.counts is None:
            _not_empty(added)
        self._set_counts(added if self.counts is None else self.counts + added)
        return self

    @classmethod
    def from_counts(
        cls,
        counts: BigramCounts | NDArray[Any] | csr_array,
        smoothing: Smoothing = _ADD_ONE,
        tokenizer: Tokenizer | None = None,
    ) -> CountModel:
        """Make a model of existing counts.

        Parameters
        ----------
        counts : BigramCounts, or array of int, shape (V, V), dense or csr_array
            `counts[i, j]` says how often `j` follows `i`.
        smoothing : Smoothing
        tokenizer : Tokenizer, optional
            None takes that of the counts; a model without one works on ids.

        Returns
        -------
        CountModel

        Raises
        ------
        TypeError
            If the array is not of integers.
        ValueError
            If the tokenizer has another vocabulary size, or a count is negative.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> bigram.CountModel.from_counts(np.array([[1, 3], [1, 1]]), bigram.MLE()).probs()
        array([[0.25, 0.75],
               [0.5 , 0.5 ]])
        """
        counts, tokenizer = as_counts(counts, tokenizer)
        model = cls(smoothing, tokenizer)
        model._set_counts(counts)
        return model

    @classmethod
    def from_table(cls, table: Table, tokenizer: Tokenizer | None = None) -> CountModel:
        """Make a model of a table of probabilities, without counts.

        Parameters
        ----------
        table : DenseTable, BackoffTable or MixtureTable
        tokenizer : Tokenizer, optional
            Without one the model works on ids.

        Returns
        -------
        CountModel
            Without counts and smoothing.

        Raises
        ------
        ValueError
            If the tokenizer has another vocabulary size than the table.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> bigram.CountModel.from_table(bigram.DenseTable(np.eye(2))).next_token(1, k=1)
        [(1, 1.0)]
        """
        check_tokenizer(tokenizer)
        if tokenizer is not None and tokenizer.vocab_size != table.vocab_size:
            raise ValueError(
                f"tokenizer has {tokenizer.vocab_size} symbols, the table has {table.vocab_size}"
            )
        model = cls(tokenizer=tokenizer)
        model.smoothing = None
        model._table = table
        return model

    @classmethod
    def from_arpa(cls, path: StrPath, *, tokenizer: Tokenizer | None = None) -> CountModel:
        """Read a bigram model from an ARPA file (.gz too) by any program, such as KenLM or SRILM.

        Parameters
        ----------
        path : str or path-like
        tokenizer : Tokenizer, optional
            Gives the words their ids. Its symbols must be the words of the file, with its boundary
            for ``<s>`` and ``</s>``, and its unknown symbol for ``<unk>``. None makes a
            `WordTokenizer` with the words in the order of the file.

        Returns
        -------
        CountModel
            Without counts.

        Raises
        ------
        ValueError
            If the file is malformed; the message names the line.
        OSError
            If it cannot be read.

        Warns
        -----
        UserWarning
            If the file has no ``<unk>``; the log10 probability of it is then -100, as in KenLM.

        Examples
        --------
        >>> import bigram, tempfile
        >>> texts = ["the cat sat", "a cat ran"]
        >>> tokenizer = bigram.WordTokenizer.from_texts(texts)
        >>> model = bigram.CountModel(bigram.WittenBell(), tokenizer).fit(texts)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.to_arpa(f"{folder}/model.arpa")
        ...     bigram.CountModel.from_arpa(f"{folder}/model.arpa")
        CountModel(BackoffTable, 7 symbols)
        """
        return cls.from_table(*read_arpa(path, tokenizer))

    def prune(self, *, min_count: int = 1, threshold: float | None = None) -> CountModel:
        """Make a smaller model by leaving some pairs to the backoff.

        Parameters
        ----------
        min_count : int
            Pairs counted less often are left out; the model must have counts. With
            `ModifiedKneserNey` this is ``lmplz --prune 0 k`` for k = min_count - 1.
        threshold : float, optional
            Pairs are left out one after another, as long as that raises the perplexity by a
            smaller share than this (Stolcke 1998; as SRILM's -prune, which takes each pair for
            the only one): 1e-7 prunes little, 1e-5 much. n pairs multiply the perplexity of text
            from the model by less than ``(1 + threshold)**n``. Contexts occur as often as in the
            counts, or as in the base of a model without counts.

        Returns
        -------
        CountModel
            Without counts.

        Raises
        ------
        ValueError
            If `min_count` is above 1 and the model has no counts, or `threshold` is below 0 or the
            rows do not sum to one.

        Examples
        --------
        >>> import bigram
        >>> texts = ["the cat sat", "the cat ran", "a cat sat"]
        >>> tokenizer = bigram.WordTokenizer.from_texts(texts)
        >>> model = bigram.CountModel(bigram.WittenBell(), tokenizer).fit(texts)
        >>> model.prune(min_count=2).table.num_pairs
        4
        """
        least = check_index(min_count, "min_count", 1)
        if least > 1 and self.counts is None:
            raise ValueError(f"min_count = {least}, wanted 1 for a model without counts")
        if least > 1 and self.counts is not None:
            table = rare_pairs_left_out(self.counts, self._require_smoothing(), least)
        else:
            table = as_backoff(self._arpa_table())
        if threshold is not None:
            check_number(threshold, "threshold", 0.0, 1e300, "a finite number >= 0")
            weights = table.base if self.counts is None else self.counts.context_counts()
            keep = pairs_to_keep(table, weights / max(weights.sum(), 1), threshold)
            table = without_pairs(table, keep)
        return CountModel.from_table(table, self.tokenizer)

    def evaluate(
        self, corpus: Corpus | BigramCounts | Iterable[str], *, progress: bool = False
    ) -> Evaluation:
        """Measure how well the model predicts a corpus; see `BigramModel.evaluate`.

        Warns
        -----
        UserWarning
            If pairs have probability zero under `MLE`, so that the perplexity is infinite; once
            for each model.

        Examples
        --------
        >>> import bigram
        >>> model = bigram.CountModel().fit(["emma", "olivia", "ava"])
        >>> round(model.evaluate(["via"]).perplexity, 3)
        5.359
        """
        found = super().evaluate(corpus, progress=progress)
        if found.num_zero and isinstance(self.smoothing, MLE) and not self._warned:
            self._warned = True
            warnings.warn(
                f"perplexity is inf: {found.num_zero} of {found.num_tokens} pairs have "
                "probability zero, as every pair never seen under MLE(); other smoothings, such "
                "as AddK(1.0), give it some",
                stacklevel=2,
            )
        return found

    @property
    def table(self) -> Table:
        """The table of P(next | context), computed at first use."""
        if self._table is None:
            if self.counts is None:
                raise ValueError("the model is not fitted yet: call fit(corpus) first")
            self._table = self._require_smoothing().table(self.counts)
        return self._table

    @property
    def discounts(self) -> Discounts | None:
        """What the smoothing subtracts from the counts, and whether it had to fall back.

        None if its discount does not depend on the count, or the model has no counts.
        """
        if self.smoothing is None or self.counts is None:
            return None
        return self.smoothing.discounts(self.counts)

    def _arpa_table(self) -> Table:
        # An ARPA file lists the pairs that were counted; a dense table would list all V * V.
        if self.counts is None:
            return self.table
        return self._require_smoothing().backoff_table(self.counts)

    def __repr__(self) -> str:
        if self._table is None and self.counts is None:
            return f"CountModel({self.smoothing}, not fitted)"
        size = f"{self.vocab_size:,} symbols"
        if self.counts is None:
            return f"CountModel({type(self.table).__name__}, {size})"
        return f"CountModel({self.smoothing}, {size}, {self.counts.total:,} pairs)"

    def __getstate__(self) -> dict[str, Any]:
        # A table that was computed from the counts is computed again.
        return {**self.__dict__, "_table": self._table if self.counts is None else None}

    def _set_counts(self, counts: BigramCounts) -> None:
        self._require_smoothing()
        self.counts, self._table = counts, None
        if self.tokenizer is None:
            self.tokenizer = counts.tokenizer

    def _require_smoothing(self) -> Smoothing:
        if self.smoothing is None:
            raise ValueError("the model holds probabilities without counts: it cannot be fitted")
        return self.smoothing

    def _to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what `save` writes: the counts and the smoothing, or else the table."""
        tokenizer = None if self.tokenizer is None else self.tokenizer.to_json()
        if self.counts is None:
            arrays = {_TABLE_PREFIX + name: a for name, a in self.table.arrays().items()}
            return arrays, {"table": self.table.kind, "tokenizer": tokenizer}
        arrays, header = self.counts._to_arrays()
        smoothing = self._require_smoothing().to_json()
        return arrays, {**header, "smoothing": smoothing, "tokenizer": tokenizer}

    @classmethod
    def _from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
    ) -> CountModel:
        """Make the model that `_to_arrays` wrote."""
        description = header["tokenizer"]
        tokenizer = None if description is None else tokenizer_from_json(description)
        if "table" in header:
            parts = {name.removeprefix(_TABLE_PREFIX): a for name, a in arrays.items()}
            return cls.from_table(table_from_arrays(header["table"], parts), tokenizer)
        counts = BigramCounts._from_arrays(arrays, header)
        return cls.from_counts(counts, smoothing_from_json(header["smoothing"]), tokenizer)

    def _source_counts(self) -> BigramCounts | None:
        return self.counts


def _not_empty(counts: BigramCounts) -> BigramCounts:
    """Return counts, checked to hold a pair: smoothing alone would make a uniform model."""
    if not counts.total:
        raise ValueError("corpus has no pair of symbols to fit; an iterator can be read only once")
    return counts
