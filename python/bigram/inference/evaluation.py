"""How well a table predicts a corpus: likelihood, perplexity, bits, and what they count.

A perplexity can be read only beside the number of tokens it is the mean of, the number of unknown
tokens, and the number of tokens with probability zero; `Evaluation` reports all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from bigram import kernels
from bigram.common.checks import bad_kind
from bigram.corpus.corpus import Corpus
from bigram.corpus.unicode import utf8
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.compatibility import check_same_ids
from bigram.tokenizers.encoding import TokenBatch, encode_corpus, pairs_inside
from bigram.tokenizers.protocol import granularity, pair_separator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.tables.base import Table
    from bigram.tokenizers.protocol import Tokenizer

    _Pairs: TypeAlias = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.int64]]

# Up to this vocabulary the pairs of the whole corpus are counted first (an array of 8 MiB), and
# each distinct pair is looked up once; above it every batch is looked up as it comes.
_COUNT_FIRST = 1024


@dataclass(frozen=True)
class Evaluation:
    """The result of `BigramModel.evaluate`.

    Attributes
    ----------
    nll : float
        Mean negative log-likelihood of a token, in nats. `inf` if the model gives a pair
        probability zero (see `num_zero`), `nan` if there are no pairs.
    perplexity : float
        exp(nll).
    bits_per_token : float
        nll / ln 2.
    bits_per_byte : float
        Total bits over the UTF-8 bytes of the text, line ends not counted. `nan` if the number
        of bytes is unknown (token shards, and counts without a boundary symbol, which lack the
        first symbol of each sequence).
    num_tokens : int
        Number of pairs scored; with a boundary symbol, every token and the end of every sequence.
    num_sequences : int or None
        Number of sequences scored. None if it is unknown: counts tell it only by a boundary.
    num_unknown : int
        Number of scored tokens that the tokenizer does not know.
    num_zero : int
        Number of scored tokens to which the model gives probability zero.
    nll_without_unknown, perplexity_without_unknown : float
        The means over known tokens only (KenLM's "excluding OOVs"). An unknown token is still the
        context of the next one.
    normalized : bool
        Whether the rows of the model sum to one. If not, it gives scores, such as `StupidBackoff`,
        and its perplexity cannot be compared with that of other models (Brants et al. 2007).

    Examples
    --------
    >>> import bigram
    >>> model = bigram.CountModel(bigram.MLE()).fit(["ab", "ab", "b"])
    >>> result = model.evaluate(["ab"])
    >>> result.num_tokens, round(result.nll, 4)
    (3, 0.1352)
    """

    nll: float
    perplexity: float
    bits_per_token: float
    bits_per_byte: float
    num_tokens: int
    num_sequences: int | None
    num_unknown: int
    num_zero: int
    nll_without_unknown: float
    perplexity_without_unknown: float
    normalized: bool = True


class PairScore(NamedTuple):
    """One pair of `BigramModel.explain`.

    Attributes
    ----------
    pair : str
        Both symbols: `.a` for characters, `the cat` for words.
    probability : float
        P(token | context).
    log_probability : float
        Its natural logarithm; -inf for an impossible pair.
    unknown : bool
        Whether the tokenizer does not know the token.
    context, token : str
        The two symbols.
    """

    pair: str
    probability: float
    log_probability: float
    unknown: bool
    context: str
    token: str


@dataclass
class _Sums:
    """Running sums over the scored pairs; unknown tokens have their own."""

    known: float = 0.0
    unknown: float = 0.0
    num_tokens: int = 0
    num_sequences: int | None = 0
    num_bytes: int = 0
    num_unknown: int = 0
    num_zero: int = 0

    def add(
        self,
        log_probs: NDArray[np.float64],
        times: NDArray[np.int64],
        is_unknown: NDArray[np.bool_],
    ) -> None:
        """Add pairs of the given log-probabilities, each `times` times."""
        weighted = log_probs * times
        self.unknown += float(weighted[is_unknown].sum())
        self.known += float(weighted[~is_unknown].sum())
        self.num_tokens += int(times.sum())
        self.num_unknown += int(times[is_unknown].sum())
        self.num_zero += int(times[np.isneginf(log_probs)].sum())

    def result(self, normalized: bool) -> Evaluation:
        """Return the means of what was added."""
        nll = _mean(-(self.known + self.unknown), self.num_tokens)
        nll_known = _mean(-self.known, self.num_tokens - self.num_unknown)
        bits = nll / math.log(2)
        return Evaluation(
            nll=nll,
            perplexity=_exp(nll),
            bits_per_token=bits,
            bits_per_byte=_mean(bits * self.num_tokens, self.num_bytes),
            num_tokens=self.num_tokens,
            num_sequences=self.num_sequences,
            num_unknown=self.num_unknown,
            num_zero=self.num_zero,
            nll_without_unknown=nll_known,
            perplexity_without_unknown=_exp(nll_known),
            normalized=normalized,
        )


def evaluate(
    table: Table,
    tokenizer: Tokenizer | None,
    corpus: Corpus | BigramCounts | Iterable[str],
    *,
    progress: bool = False,
) -> Evaluation:
    """Score a corpus, streamed, against a table of P(next | context).

    Parameters
    ----------
    table : Table
        Any table; V is its vocabulary size.
    tokenizer : Tokenizer or None
        Needed for text; token shards and counts hold ids.
    corpus : Corpus, BigramCounts or iterable of str
        Counts suffice: the likelihood of a bigram model depends on nothing else. Their
        `bits_per_byte` is computed from the bytes of the tokenizer's symbols, with one space
        between words; it is nan if a token is unknown or there is no boundary symbol.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If a symbol is unknown and the tokenizer has no id for it (`UnknownSymbolError`), if an id
        is outside the vocabulary, or if counts have another tokenizer.
    TypeError
        If `corpus` is a str or not a corpus, or if it is text and there is no tokenizer.
    """
    unknown_id = None if tokenizer is None else tokenizer.unknown_id
    sums = _Sums()
    if isinstance(corpus, BigramCounts):
        pairs = _counted_pairs(corpus, table, tokenizer, sums)
    else:
        batches = _tally(encode_corpus(corpus, tokenizer, progress=progress), sums)
        if table.vocab_size <= _COUNT_FIRST:
            pairs = _pairs_counted_first(batches, table.vocab_size)
        else:
            pairs = _pairs_as_they_come(batches)
    for contexts, nexts, times in pairs:
        is_unknown = np.zeros(len(nexts), np.bool_) if unknown_id is None else nexts == unknown_id
        sums.add(table.pair_log_probs(contexts, nexts), times, is_unknown)
    return sums.result(table.is_normalized)


def _tally(batches: Iterable[TokenBatch], sums: _Sums) -> Iterator[TokenBatch]:
    """Yield the batches, adding their numbers of sequences and bytes to the sums."""
    num_sequences = 0
    for batch in batches:
        num_sequences += batch.num_sequences
        sums.num_bytes += batch.num_bytes
        sums.num_sequences = num_sequences
        yield batch


def _pairs_counted_first(batches: Iterable[TokenBatch], vocab_size: int) -> Iterator[_Pairs]:
    """Yield each distinct pair of the corpus once, with its count."""
    matrix = np.zeros((vocab_size, vocab_size), np.int64)
    for batch in batches:
        kernels.count_bigrams(batch.tokens, vocab_size, offsets=batch.offsets, out=matrix)
    contexts, nexts = np.nonzero(matrix)
    yield contexts, nexts, matrix[contexts, nexts]


def _pairs_as_they_come(batches: Iterable[TokenBatch]) -> Iterator[_Pairs]:
    """Yield the pairs of each batch, in order; no pair crosses an offset."""
    for batch in batches:
        if len(batch.tokens) < 2:
            continue
        inside = pairs_inside(len(batch.tokens), batch.offsets)
        contexts, nexts = batch.tokens[:-1][inside], batch.tokens[1:][inside]
        yield contexts, nexts, np.ones(len(nexts), np.int64)


def _counted_pairs(
    counts: BigramCounts, table: Table, tokenizer: Tokenizer | None, sums: _Sums
) -> Iterator[_Pairs]:
    """Return the pairs counted; the numbers of sequences and bytes follow from column sums."""
    check_same_ids(counts, table.vocab_size, tokenizer)
    if tokenizer is None or tokenizer.boundary_id is None:
        sums.num_sequences = None
    else:
        uses = counts.unigram_counts()
        sums.num_sequences = int(uses[tokenizer.boundary_id])
        sums.num_bytes = _bytes_counted(counts, uses, tokenizer, tokenizer.boundary_id)
    return counts.pairs()


def _bytes_counted(
    counts: BigramCounts, uses: NDArray[np.int64], tokenizer: Tokenizer, boundary: int
) -> int:
    """Return the number of bytes of the text that was counted; 0 if the symbols do not tell it.

    Words are assumed to have one space between them.
    """
    unknown = tokenizer.unknown_id
    token_is = granularity(tokenizer)
    if token_is is None or (unknown is not None and uses[unknown]):
        return 0
    if token_is == "byte":
        sizes = np.ones(tokenizer.vocab_size, np.int64)
    else:
        sizes = np.fromiter((len(utf8(s)) for s in tokenizer.vocab), np.int64, tokenizer.vocab_size)
    sizes[boundary] = 0
    num_bytes = int(uses @ sizes)
    if token_is == "word":
        # Words less the first ones of texts: an empty text, the pair of two boundaries, has none.
        starts = counts.row(boundary)
        num_bytes += int(uses.sum() - uses[boundary] - starts.sum() + starts[boundary])
    return num_bytes


def score_corpus(
    table: Table, tokenizer: Tokenizer | None, corpus: Corpus | Iterable[str]
) -> NDArray[np.float64]:
    """Return the log-likelihood of each sequence of a corpus, nats, shape (n,).

    A list of texts is scored at once; any other corpus is streamed.
    """
    if isinstance(corpus, list) and tokenizer is not None:
        return table.score_sequences(*tokenizer.encode_batch(corpus))
    scores = [np.empty(0)]
    for batch in encode_corpus(corpus, tokenizer):
        part = table.score_sequences(batch.tokens, batch.offsets)
        if len(part) > batch.num_sequences:  # the first one began in the batch before
            scores[-1][-1] += part[0]
            part = part[1:]
        if len(part):
            scores.append(part)
    return np.concatenate(scores)


def explain(table: Table, tokenizer: Tokenizer, text: str) -> list[PairScore]:
    """Return each pair of a text with its probability; the logarithms sum to the text's score."""
    if not isinstance(text, str):
        raise bad_kind(text, "text", "str")
    tokens, _ = tokenizer.encode_batch([text])
    contexts, nexts = tokens[:-1], tokens[1:]
    log_probs = table.pair_log_probs(contexts, nexts)
    vocab, unknown_id = tokenizer.vocab, tokenizer.unknown_id
    space = pair_separator(tokenizer)
    return [
        PairScore(
            vocab[i] + space + vocab[j],
            _exp(log_prob),
            log_prob,
            j == unknown_id,
            vocab[i],
            vocab[j],
        )
        for i, j, log_prob in zip(
            contexts.tolist(), nexts.tolist(), log_probs.tolist(), strict=True
        )
    ]


def _mean(total: float, number: int) -> float:
    """Return total / number, nan for no number."""
    return total / number if number else math.nan


def _exp(x: float) -> float:
    """Return exp(x), inf if that overflows."""
    return math.inf if x > 709.0 else math.exp(x)
