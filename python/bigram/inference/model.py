"""What the two models share: all that can be done with a table of P(next | context)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bigram.arpa.writer import write_arpa
from bigram.common.checks import bad_kind, check_index
from bigram.common.types import StrPath
from bigram.corpus.corpus import Corpus
from bigram.inference.evaluation import Evaluation, PairScore, evaluate, explain, score_corpus
from bigram.inference.sampling import Sampler, TextSampler
from bigram.plotting.heat_map import MAX_SYMBOLS, model_map
from bigram.randomness.generators import Seed
from bigram.storage.container import save_arrays
from bigram.tables.conversion import probability_rows
from bigram.tables.sampling_filter import SamplingFilter
from bigram.tokenizers.protocol import Tokenizer, context_id

if TYPE_CHECKING:
    from bigram.counts.bigram_counts import BigramCounts
    from bigram.plotting.figure import Axes
    from bigram.tables.base import Table


class BigramModel(ABC):
    """A bigram language model: a table of P(next | context), and a tokenizer for text.

    `CountModel` and `NeuralModel` differ in how they make the table; what is done with it is here.
    Without a tokenizer, methods that take or return text raise ValueError; the others work on ids.

    Attributes
    ----------
    tokenizer : Tokenizer or None
    """

    kind: ClassVar[str]
    tokenizer: Tokenizer | None

    @property
    @abstractmethod
    def table(self) -> Table:
        """The table of P(next | context)."""

    @property
    def vocab_size(self) -> int:
        """V, the number of ids."""
        return self.table.vocab_size

    def evaluate(
        self, corpus: Corpus | BigramCounts | Iterable[str], *, progress: bool = False
    ) -> Evaluation:
        """Measure how well the model predicts a corpus.

        Parameters
        ----------
        corpus : Corpus, BigramCounts or iterable of str
            A corpus is streamed. Counts suffice: the likelihood depends on nothing else.
        progress : bool
            Show a progress bar on standard error.

        Returns
        -------
        Evaluation
            Mean negative log-likelihood in nats, perplexity, bits, and the numbers of tokens.

        Raises
        ------
        ValueError
            If a symbol is unknown and the tokenizer has no id for it (`UnknownSymbolError`), if an
            id is outside the vocabulary, or if counts have another tokenizer.
        TypeError
            If `corpus` is a str or not a corpus, or if it is text and the model has no tokenizer.

        Examples
        --------
        >>> import bigram
        >>> model = bigram.CountModel().fit(["emma", "olivia", "ava"])
        >>> round(model.evaluate(["via"]).perplexity, 3)
        5.359
        """
        return evaluate(self.table, self.tokenizer, corpus, progress=progress)

    @overload
    def score(self, texts: str) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def score(self, texts: Corpus | Iterable[str]) -> NDArray[np.float64]: ...
    def score(self, texts: str | Corpus | Iterable[str]) -> float | NDArray[np.float64]:
        """Return the total log-probability of each text, in nats, the ends included.

        Parameters
        ----------
        texts : str, iterable of str, or Corpus
            Without a boundary symbol, the first symbol of a text is only a context.

        Returns
        -------
        float, or float64 ndarray of shape (n,)
            -inf for a text to which the model gives probability zero.

        Raises
        ------
        ValueError
            If a symbol is unknown (`UnknownSymbolError`), or if there is no tokenizer.

        Examples
        --------
        >>> import bigram
        >>> model = bigram.CountModel(bigram.MLE()).fit(["ab", "b"])
        >>> model.score(["ab", "ba"])
        array([-0.69314718,        -inf])
        """
        if isinstance(texts, str):
            return float(self.score([texts])[0])
        if isinstance(texts, Corpus):  # token shards need no tokenizer
            return score_corpus(self.table, self.tokenizer, texts)
        return score_corpus(self.table, self._text_tokenizer("score"), texts)

    def explain(self, text: str) -> list[PairScore]:
        """Split the score of a text into its pairs.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of PairScore, one for each pair

        Raises
        ------
        ValueError
            If a symbol is unknown (`UnknownSymbolError`), or if there is no tokenizer.

        Examples
        --------
        >>> import bigram
        >>> model = bigram.CountModel(bigram.MLE()).fit(["ab", "b"])
        >>> [(row.pair, row.probability) for row in model.explain("b")]
        [('.b', 0.5), ('b.', 1.0)]
        """
        return explain(self.table, self._text_tokenizer("explain"), text)

    def sample(
        self,
        n: int = 1,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        prefix: str = "",
        max_length: int | None = None,
        unique: bool = False,
        exclude: Iterable[str] | None = None,
    ) -> list[str]:
        """Draw texts from the model.

        Parameters
        ----------
        n : int
            Number of texts. A longer sample with the same seed begins with the same texts.
        seed : int, TorchGenerator or None
            None takes fresh entropy. A `TorchGenerator` draws as the lecture does: text after
            text, one multinomial for each token.
        temperature : float
            Probabilities are raised to 1/temperature: below 1 sharper, above 1 flatter. It must
            be positive; `top_k=1` takes the most likely token each time.
        top_k : int, optional
            Draw only from the k most likely tokens; of equal ones, those of lower ids.
        top_p : float in (0, 1], optional
            Draw only from the fewest tokens that hold this much probability.
        prefix : str
            The beginning of every text.
        max_length : int, optional
            Number of tokens, the prefix included, after which a text is cut. 1,000 if None.
        unique : bool
            Return no text twice.
        exclude : iterable of str, optional
            Texts that are never returned, such as those the model was fitted on.

        Returns
        -------
        list of str, without the boundary symbol

        Raises
        ------
        ValueError
            If there is no boundary symbol and no prefix or max_length, if 100 n draws do not give
            n texts under `unique` or `exclude`, or if a context has no distribution.

        Examples
        --------
        >>> import bigram
        >>> model = bigram.CountModel(bigram.MLE()).fit(["ab", "abb"])
        >>> model.sample(3, prefix="a", max_length=1)
        ['a', 'a', 'a']
        """
        sampler = Sampler(self.table, SamplingFilter(temperature, top_k, top_p), seed)
        texts = TextSampler(sampler, self._text_tokenizer("sample"), prefix, max_length)
        return texts.first(n, unique=unique, exclude=exclude)

    def generate(
        self,
        idx: ArrayLike,
        max_new_tokens: int,
        *,
        seed: Seed = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> NDArray[np.int64]:
        """Continue sequences of ids, as the lecture's `generate` does.

        Parameters
        ----------
        idx : array of int, shape (B, T), T at least 1
            Only the last token of a row matters.
        max_new_tokens : int
            Number of tokens drawn after each row; no token ends it.
        seed, temperature, top_k, top_p
            As in `sample`; a `TorchGenerator` draws one multinomial over all rows for each step.

        Returns
        -------
        int64 ndarray, shape (B, T + max_new_tokens)

        Raises
        ------
        TypeError
            If the ids are not integers.
        ValueError
            If an id is outside the vocabulary, or if a context has no distribution.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> counts = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
        >>> bigram.CountModel.from_counts(counts, bigram.MLE()).generate([[0]], 4)
        array([[0, 1, 2, 0, 1]])
        """
        sampler = Sampler(self.table, SamplingFilter(temperature, top_k, top_p), seed)
        return sampler.continued(idx, max_new_tokens)

    def next_token(self, context: str | int, k: int = 5) -> list[tuple[str | int, float]]:
        """Return the k most likely symbols after a context, with their probabilities.

        Parameters
        ----------
        context : str or int
            A symbol, "" for the boundary (the start of a text), or an id.
        k : int
            Clipped to V.

        Returns
        -------
        list of (symbol, probability), most likely first; ids if there is no tokenizer

        Raises
        ------
        KeyError
            If the vocabulary lacks the symbol and there is no unknown symbol.

        Examples
        --------
        >>> import bigram
        >>> bigram.CountModel(bigram.MLE()).fit(["ab", "ab", "b", "abb"]).next_token("", 2)
        [('a', 0.75), ('b', 0.25)]
        """
        ids, log_probs = self.table.top_k([self._context_id(context)], k)
        vocab = range(self.vocab_size) if self.tokenizer is None else self.tokenizer.vocab
        best = zip(ids[0].tolist(), np.exp(log_probs[0]).tolist(), strict=True)
        return [(vocab[i], p) for i, p in best]

    def probs(self, contexts: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return whole rows of the table.

        Parameters
        ----------
        contexts : array of int, shape (B,), optional
            Every context if None.

        Returns
        -------
        float64 ndarray, shape (V, V) or (B, V)

        Raises
        ------
        ValueError
            If the result would take more than 1 GiB, or if an id is outside the vocabulary.

        Examples
        --------
        >>> import bigram
        >>> bigram.CountModel(bigram.MLE()).fit(["a", "aa"]).probs()
        array([[0.        , 1.        ],
               [0.66666667, 0.33333333]])
        """
        return probability_rows(self.table, contexts, max_bytes=1 << 30)

    def plot(
        self, ax: Axes | None = None, *, title: str | None = None, max_symbols: int = MAX_SYMBOLS
    ) -> Axes:
        """Draw the table as a heat map with every pair and its count (or probability).

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure, large enough to read, if None.
        title : str, optional
        max_symbols : int
            If there are more, only the most frequent are drawn, and the title says so.

        Returns
        -------
        matplotlib.axes.Axes
            `model.plot().figure.savefig("bigrams.png")` writes it.

        Raises
        ------
        ImportError
            If matplotlib is not installed: `pip install "bigram[plot]"`.
        """
        counts = self._source_counts()
        return model_map(
            self.table, counts, self.tokenizer, ax=ax, title=title, max_symbols=max_symbols
        )

    def save(self, path: StrPath) -> None:
        """Write the model to one .safetensors file, which `bigram.load` reads.

        Parameters
        ----------
        path : str or path-like
            Written under another name first and renamed when complete.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import bigram, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bigram.CountModel().fit(["emma"]).save(f"{folder}/model.safetensors")
        ...     bigram.load(f"{folder}/model.safetensors")
        CountModel(AddK(k=1.0), 4 symbols, 5 pairs)
        """
        arrays, header = self._to_arrays()
        save_arrays(path, self.kind, arrays, header)

    def to_arpa(self, path: StrPath) -> None:
        """Write the model as an ARPA file of order 2, which KenLM loads; gzipped for .gz.

        Parameters
        ----------
        path : str or path-like
            Written under another name first; `CountModel.from_arpa` reads it.

        Raises
        ------
        ValueError
            If there is no boundary symbol, or if an ARPA file cannot hold a symbol.
        OSError
            If the file cannot be written.
        """
        write_arpa(path, self._arpa_table(), self.tokenizer)

    def _arpa_table(self) -> Table:
        return self.table

    @abstractmethod
    def _to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what `save` writes."""

    def _source_counts(self) -> BigramCounts | None:
        """Return the counts that the model was made of, drawn in place of probabilities."""
        return None

    def _text_tokenizer(self, what: str) -> Tokenizer:
        if self.tokenizer is None:
            _ = self.table  # a model that is not fitted says so
            raise ValueError(
                f"{what} needs a tokenizer and this model has none: use generate, "
                "table.score_sequences and table.log_probs on ids"
            )
        return self.tokenizer

    def _context_id(self, context: str | int) -> int:
        if isinstance(context, str):
            return context_id(self._text_tokenizer("next_token of a symbol"), context)
        if not hasattr(context, "__index__"):
            raise bad_kind(context, "context", "a symbol or an id")
        return check_index(context, "context", 0, self.vocab_size - 1)
