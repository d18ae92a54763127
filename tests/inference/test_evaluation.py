"""Evaluating, scoring and explaining: the figures of the lecture, and what they count."""

import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram.inference.evaluation import _COUNT_FIRST

TEXTS = st.lists(st.text("abc", max_size=6), max_size=6)


def by_hand(model: bigram.CountModel, texts: list[str]) -> tuple[float, int]:
    """Sum the log-probabilities of all pairs, one at a time."""
    vocab = model.tokenizer.vocab
    total, number = 0.0, 0
    for text in texts:
        ids = [vocab.index(s) for s in f".{text}."]
        for i, j in itertools.pairwise(ids):
            p = model.probs([i])[0, j]
            total += math.log(p) if p else -math.inf
            number += 1
    return total, number


@pytest.mark.parametrize(("smoothing", "nll"), [(bigram.MLE(), 2.4540), (bigram.AddK(1), 2.4546)])
def test_names_have_the_likelihood_of_the_lecture(names_path, smoothing, nll) -> None:
    corpus = bigram.Corpus.lines(names_path)
    found = bigram.CountModel(smoothing).fit(corpus).evaluate(corpus)
    assert found.nll == pytest.approx(nll, abs=5e-5)
    assert found.num_tokens == 228_146
    assert found.num_sequences == 32_033
    assert (found.num_zero, found.num_unknown) == (0, 0)
    assert found.perplexity == pytest.approx(math.exp(found.nll))
    assert found.bits_per_token == pytest.approx(found.nll / math.log(2))
    # 228,146 pairs, of which 32,033 are ends: the rest are the bytes of the names.
    assert found.bits_per_byte == pytest.approx(found.bits_per_token * 228_146 / (228_146 - 32_033))


@pytest.mark.parametrize(("smoothing", "nll"), [(bigram.MLE(), 2.4540), (bigram.AddK(1), 2.4546)])
def test_embedded_counts_have_the_likelihood_of_the_lecture(smoothing, nll) -> None:
    counts = bigram.datasets.load_makemore_counts()
    found = bigram.CountModel.from_counts(counts, smoothing).evaluate(counts)
    assert found.nll == pytest.approx(nll, abs=5e-5)
    assert found.num_tokens == 228_146
    assert found.num_sequences == 32_033
    assert found.bits_per_byte == pytest.approx(found.bits_per_token * 228_146 / (228_146 - 32_033))


@given(TEXTS.filter(bool), TEXTS)
def test_the_mean_is_that_of_all_pairs_one_by_one(fitted, texts) -> None:
    tokenizer = bigram.CharTokenizer(".abc", boundary=".")
    model = bigram.CountModel(bigram.AddK(0.5), tokenizer).fit(fitted)
    total, number = by_hand(model, texts)
    found = model.evaluate(texts)
    assert found.num_tokens == number
    assert found.num_sequences == len(texts)
    if number:
        assert found.nll == pytest.approx(-total / number)
        assert model.score(texts).sum() == pytest.approx(total)
        assert model.evaluate(bigram.count(texts, tokenizer)).nll == pytest.approx(found.nll)
    else:
        assert math.isnan(found.nll)
        assert math.isnan(found.perplexity)


def test_zeros_are_counted_and_make_the_likelihood_infinite() -> None:
    model = bigram.CountModel(bigram.MLE()).fit(["ab"])
    with pytest.warns(UserWarning, match="perplexity is inf: 5 of 9 pairs have probability zero"):
        found = model.evaluate(["ab", "ba", "bb"])
    assert model.evaluate(["ab", "ba", "bb"]) == found  # it has said so once
    assert found.num_zero == 5  # .b ba a. and .b bb
    assert found.nll == math.inf
    assert found.perplexity == math.inf


SMOOTHINGS = [
    bigram.AddK(1.0),
    bigram.JelinekMercer(),
    bigram.Dirichlet(),
    bigram.WittenBell(),
    bigram.AbsoluteDiscount(),
    bigram.KneserNey(),
    bigram.ModifiedKneserNey(),
    bigram.Katz(),
    bigram.StupidBackoff(),
]


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_unknown_words_do_not_make_the_perplexity_infinite(smoothing, layout) -> None:
    """A vocabulary of the training text alone: no unknown word was ever counted."""
    train = ["the cat sat on the mat", "a cat ran", "the dog sat"]
    tokenizer = bigram.WordTokenizer.from_texts(train)
    counts = bigram.count(train, tokenizer, layout=layout)
    model = bigram.CountModel.from_counts(counts, smoothing)
    found = model.evaluate(["the bird sat on a dog", "fish", "cat cat"])
    assert found.num_unknown == 2
    assert found.num_zero == 0
    assert 1.0 < found.perplexity < 1000.0
    probs = model.probs()
    assert probs.min() > 0.0
    if found.normalized:
        np.testing.assert_allclose(probs.sum(axis=1), 1.0, atol=1e-12)


def test_scores_that_are_not_probabilities_are_marked(tmp_path) -> None:
    texts = ["emma", "olivia", "ava", "isabella"]
    for smoothing in SMOOTHINGS:
        is_normalized = not isinstance(smoothing, bigram.StupidBackoff)
        model = bigram.CountModel(smoothing).fit(texts)
        assert model.evaluate(texts).normalized is is_normalized
        model.save(tmp_path / "model")
        assert bigram.load(tmp_path / "model").evaluate(model.counts).normalized is is_normalized
        table = smoothing.backoff_table(model.counts)
        mixture = bigram.tables.mixture.MixtureTable([table, table], [0.25, 0.75])
        for other in (table, mixture):
            assert other.is_normalized is is_normalized
    unfitted = bigram.BigramCounts(np.array([[1, 1], [0, 0]]))
    assert bigram.MLE().table(unfitted).is_normalized  # a context without counts has no row


def test_figures_without_unknown_leave_those_tokens_out() -> None:
    tokenizer = bigram.CharTokenizer.from_texts(["ab"], unknown="?")
    model = bigram.CountModel(bigram.AddK(1), tokenizer).fit(["ab"])
    found = model.evaluate(["axb"])
    log_probs = [row.log_probability for row in model.explain("axb") if not row.unknown]
    assert found.num_unknown == 1
    assert len(log_probs) == 3
    assert found.nll_without_unknown == pytest.approx(-sum(log_probs) / 3)
    assert found.perplexity_without_unknown == pytest.approx(math.exp(found.nll_without_unknown))
    assert found.nll == pytest.approx(-model.score("axb") / 4)


def test_impossible_unknowns_do_not_spoil_the_figures_without_them() -> None:
    tokenizer = bigram.CharTokenizer.from_texts(["ab"], unknown="?")
    model = bigram.CountModel(bigram.MLE(), tokenizer).fit(["ab"])
    with pytest.warns(UserWarning, match="perplexity is inf"):
        found = model.evaluate(["ab", "abx"])
    assert found.nll == math.inf
    assert found.nll_without_unknown == math.inf  # x is followed by an end it never saw
    found = bigram.CountModel(bigram.MLE(), tokenizer).fit(["ab"]).evaluate(["ab"])
    assert found.nll_without_unknown == 0.0


def test_large_vocabularies_are_looked_up_batch_by_batch() -> None:
    letters = [chr(0x4E00 + i) for i in range(_COUNT_FIRST + 5)]
    texts = ["".join(letters[i : i + 7]) for i in range(0, len(letters), 3)] + ["", letters[0]]
    model = bigram.CountModel().fit(texts)
    assert model.vocab_size > _COUNT_FIRST
    found = model.evaluate(texts)
    assert found.num_tokens == sum(len(text) + 1 for text in texts)
    assert found.nll == pytest.approx(-model.score(texts).sum() / found.num_tokens)
    assert found.bits_per_byte == pytest.approx(
        -model.score(texts).sum() / math.log(2) / sum(3 * len(text) for text in texts)
    )


def test_running_text_longer_than_a_batch_loses_no_pair(shakespeare_path) -> None:
    corpus = bigram.Corpus.text(shakespeare_path)
    model = bigram.CountModel().fit(corpus)
    found = model.evaluate(corpus)
    assert found.num_tokens == 1_115_394 - 1
    assert found.num_sequences == 1
    score = model.score(corpus)
    assert score.shape == (1,)
    assert found.nll == pytest.approx(-score[0] / found.num_tokens)


def test_token_shards_need_no_tokenizer(tmp_path) -> None:
    ids = np.array([0, 1, 2, 1, 1, 2, 0, 1], np.uint16)
    ids.tofile(tmp_path / "shard.bin")
    shards = bigram.Corpus.shards(tmp_path / "shard.bin", vocab_size=3)
    model = bigram.CountModel.from_counts(bigram.kernels.count_bigrams(ids, 3))
    found = model.evaluate(shards)
    assert (found.num_tokens, found.num_sequences) == (7, 1)
    assert found.nll == pytest.approx(-model.score(shards)[0] / 7)
    assert math.isnan(found.bits_per_byte)
    with pytest.raises(TypeError, match="tokenizer is None"):
        model.evaluate(["ab"])
    wider = bigram.Corpus.shards(tmp_path / "shard.bin", vocab_size=5)
    assert model.evaluate(wider).num_tokens == 7
    with pytest.raises(ValueError, match=r"outside \[0, 2\)"):
        bigram.CountModel.from_counts(np.eye(2, dtype=int)).evaluate(shards)


@pytest.mark.parametrize(
    "tokenizer",
    [
        bigram.ByteTokenizer(255),
        bigram.CharTokenizer.from_texts(["né 漢\ud800"]),
        bigram.WordTokenizer.from_texts(["né n 漢\ud800"]),
    ],
    ids=repr,
)
def test_counts_give_the_same_evaluation_as_the_text(tokenizer) -> None:
    texts = ["né n", "", "漢\ud800 né n", "n"]
    model = bigram.CountModel(bigram.AddK(1), tokenizer).fit(texts)
    text, counts = model.evaluate(texts), model.evaluate(bigram.count(texts, tokenizer))
    assert dataclasses.astuple(counts) == pytest.approx(dataclasses.astuple(text))


@pytest.mark.parametrize(
    "tokenizer",
    [
        bigram.CharTokenizer.from_texts(["ab"], boundary=None),
        bigram.ByteTokenizer(),
    ],
    ids=lambda tokenizer: type(tokenizer).__name__,
)
def test_counts_without_a_boundary_do_not_tell_sequences_and_bytes(tokenizer) -> None:
    """They hold pairs alone: the first symbol of each sequence is missing, and how many began."""
    texts = ["ab", "abab", "b"]
    model = bigram.CountModel(bigram.AddK(1), tokenizer).fit(texts)
    text, counts = model.evaluate(texts), model.evaluate(bigram.count(texts, tokenizer))
    assert (text.num_sequences, counts.num_sequences) == (3, None)
    assert text.bits_per_byte == pytest.approx(text.bits_per_token * 4 / 7)
    assert math.isnan(counts.bits_per_byte)
    for name in ("nll", "perplexity", "num_tokens", "num_zero"):
        assert getattr(counts, name) == pytest.approx(getattr(text, name))
    ids = bigram.CountModel.from_counts(np.array([[1, 2], [2, 1]]))
    assert ids.evaluate(bigram.BigramCounts(np.array([[1, 2], [2, 1]]))).num_sequences is None


def test_counts_of_unknown_words_have_no_bits_per_byte() -> None:
    tokenizer = bigram.WordTokenizer.from_texts(["a b"])
    model = bigram.CountModel(bigram.AddK(1), tokenizer).fit(["a b"])
    assert math.isnan(model.evaluate(bigram.count(["a long word"], tokenizer)).bits_per_byte)


def test_counts_of_another_vocabulary_are_refused() -> None:
    model = bigram.CountModel().fit(["ab"])
    with pytest.raises(ValueError, match="counts have 2 symbols, the model has 3"):
        model.evaluate(bigram.BigramCounts(np.zeros((2, 2), np.int64)))
    with pytest.raises(ValueError, match="another tokenizer"):
        model.evaluate(bigram.count(["xy"]))


@pytest.mark.parametrize("corpus", ["ab", b"ab", 5, None])
def test_anything_but_a_corpus_is_a_type_error(corpus) -> None:
    with pytest.raises(TypeError):
        bigram.CountModel().fit(["ab"]).evaluate(corpus)


def test_an_evaluation_is_frozen_and_pickles() -> None:
    found = bigram.CountModel().fit(["ab"]).evaluate(["b"])
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.nll = 0.0


def test_the_score_of_a_text_is_the_same_alone_and_among_others(model, texts_fitted) -> None:
    texts = [*texts_fitted, "", "aaa"]
    scores = model.score(texts)
    assert scores.shape == (len(texts),)
    assert scores.dtype == np.float64
    assert [model.score(text) for text in texts] == scores.tolist()
    assert isinstance(model.score("ava"), float)
    assert model.score(iter(texts)).tolist() == scores.tolist()
    assert model.score([]).shape == (0,)
    with pytest.raises(bigram.UnknownSymbolError, match=r"texts\[1\] has 'x'"):
        model.score(["ava", "ax"])
    with pytest.raises(TypeError):
        model.score(5)


def test_explain_adds_up_to_the_score(model) -> None:
    for text in ["olivia", ""]:
        rows = model.explain(text)
        assert len(rows) == len(text) + 1
        assert sum(row.log_probability for row in rows) == pytest.approx(model.score(text))
        assert [row.probability for row in rows] == pytest.approx(
            np.exp([row.log_probability for row in rows])
        )
    assert pickle.loads(pickle.dumps(rows)) == rows
    with pytest.raises(TypeError, match="text is list"):
        model.explain(["a"])


def test_explain_marks_unknown_symbols() -> None:
    tokenizer = bigram.CharTokenizer.from_texts(["ab"], unknown="<unk>")
    rows = bigram.CountModel(tokenizer=tokenizer).fit(["ab"]).explain("aé")
    assert [row.unknown for row in rows] == [False, True, False]
    assert [row.pair for row in rows] == [".a", "a<unk>", "<unk>."]
