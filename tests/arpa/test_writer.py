"""Writing ARPA files: lmplz's own figures, what KenLM reads, and what cannot be written."""

import gzip
import math

import numpy as np
import pytest

import bigram
from bigram.tables.backoff import BackoffTable


def entries(path):
    """An ARPA file by plain means: {words: (log10 probability, log10 backoff or None)}."""
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return {
        fields[1]: (float(fields[0]), float(fields[2]) if len(fields) > 2 else None)
        for fields in lines
        if len(fields) > 1
    }


def assert_equal_files(ours, wanted):
    """Every line of KenLM's, to 1e-5 in log10 (it computes in float32), and no other."""
    got, expected = entries(ours), entries(wanted)
    assert got.keys() == expected.keys()
    for words, (prob, backoff) in expected.items():
        assert got[words][0] == pytest.approx(prob, abs=1e-5)
        assert (got[words][1] or 0) == pytest.approx(backoff or 0, abs=1e-5)


def test_words_equal_the_file_and_the_perplexity_of_lmplz(
    reference_folder, shakespeare_path, tmp_path
):
    """Discounts, file and perplexity that lmplz and KenLM gave (commit 4cb443e)."""
    wanted = reference_folder / "shakespeare_words_modified_kneser_ney.arpa.gz"
    corpus = bigram.Corpus.lines(shakespeare_path)
    tokenizer = bigram.WordTokenizer.from_texts(corpus)
    smoothing = bigram.ModifiedKneserNey(compatible="lmplz")
    model = bigram.CountModel(smoothing, tokenizer).fit(corpus)
    assert model.discounts.unigram == pytest.approx((0.689224, 1.02829, 1.42186), rel=1e-5)
    assert model.discounts.bigram == pytest.approx((0.813214, 1.13859, 1.3188), rel=1e-5)
    assert not model.discounts.unigram_fallback
    path = tmp_path / "ours.arpa.gz"
    model.to_arpa(path)
    assert_equal_files(path, wanted)
    for one in (model, bigram.CountModel.from_arpa(wanted), bigram.CountModel.from_arpa(path)):
        found = one.evaluate(corpus)
        assert found.perplexity == pytest.approx(83.867781, rel=1e-6)
        assert found.num_tokens == 242_651
        scores = one.score(["First Citizen:", "to be or not to be", "the zyzzyva speaks"])
        np.testing.assert_allclose(
            scores / math.log(10), [-2.99162745, -13.07626152, -12.91056919], atol=1e-5
        )


def test_characters_equal_the_file_of_lmplz_with_its_fallback(
    reference_folder, names_path, tmp_path
):
    """lmplz --discount_fallback: order 1 falls back, order 2 does not."""
    wanted = reference_folder / "names_chars_modified_kneser_ney.arpa"
    corpus = bigram.Corpus.lines(names_path)
    tokenizer = bigram.CharTokenizer.from_texts(corpus, unknown="<unk>")
    model = bigram.CountModel(bigram.ModifiedKneserNey(compatible="lmplz"), tokenizer).fit(corpus)
    assert model.discounts.unigram == (0.5, 1.0, 1.5)
    assert model.discounts.unigram_fallback
    assert not model.discounts.bigram_fallback
    assert model.discounts.bigram == pytest.approx((0.361345, 1.51504, 1.63964), rel=1e-5)
    model.to_arpa(tmp_path / "ours.arpa")
    assert_equal_files(tmp_path / "ours.arpa", wanted)
    again = bigram.CountModel.from_arpa(wanted, tokenizer=tokenizer)
    np.testing.assert_allclose(
        again.table.log_probs(range(28)), model.table.log_probs(range(28)), atol=1e-5
    )


METHODS = [
    bigram.MLE(),
    bigram.AddK(0.5),
    bigram.JelinekMercer(0.3),
    bigram.WittenBell(base_uniform=0.1),
    bigram.KneserNey(0.75),
    bigram.ModifiedKneserNey(),
    bigram.ModifiedKneserNey(prune=1),
    bigram.StupidBackoff(),
    bigram.Katz(),
]
TEXTS = ["a b c a", "", "b", "a b b c c c a b", "ä € 𝄞 a", "a b"]


@pytest.mark.parametrize("smoothing", METHODS, ids=repr)
def test_kenlm_scores_a_file_as_the_model_that_wrote_it(smoothing, tmp_path):
    kenlm = pytest.importorskip("kenlm")
    model = bigram.CountModel(smoothing, bigram.WordTokenizer.from_texts(TEXTS)).fit(TEXTS)
    model.to_arpa(tmp_path / "model.arpa")
    loaded = kenlm.Model(str(tmp_path / "model.arpa"))
    texts = [*TEXTS, "c zzz a", "b a c b", "zzz"]
    for text, score in zip(texts, model.score(texts), strict=True):
        if np.isfinite(score):
            assert loaded.score(text) == pytest.approx(score / math.log(10), abs=1e-4)
        else:
            assert loaded.score(text) < -90.0


def test_a_dense_table_is_written_with_all_its_pairs(tmp_path):
    tokenizer = bigram.CharTokenizer.from_texts(["ab"])
    probs = np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    model = bigram.CountModel.from_table(bigram.DenseTable(probs), tokenizer)
    model.to_arpa(tmp_path / "model.arpa")
    assert len(entries(tmp_path / "model.arpa")) == 5 + 6
    again = bigram.CountModel.from_arpa(tmp_path / "model.arpa", tokenizer=tokenizer)
    np.testing.assert_allclose(np.exp(again.table.log_probs(range(3))), probs, rtol=1e-7)


def test_lines_have_the_numbers_and_the_order_of_kenlm(tmp_path):
    table = BackoffTable(
        np.array([0, 1, 3, 3]),
        np.array([1, 0, 1]),
        np.array([0.75, 1.0, 0.0]),
        np.array([0.25, 0.0, 1.0]),
        np.array([0.5, 1e-9, 0.25]),
    )
    tokenizer = bigram.CharTokenizer((".", "x", "?"), ".", "?")
    bigram.CountModel.from_table(table, tokenizer).to_arpa(tmp_path / "m.arpa")
    assert (tmp_path / "m.arpa").read_text() == (
        "\\data\\\nngram 1=4\nngram 2=3\n\n\\1-grams:\n"
        "-0.602059991\t<unk>\t0\n0\t<s>\t-0.602059991\n-0.301029996\t</s>\t0\n-9\tx\t-99\n\n"
        "\\2-grams:\n-0.124938737\t<s> x\n0\tx </s>\n-99\tx x\n\n\\end\\\n"
    )
    without = bigram.CharTokenizer((".", "x", "y"), ".")
    bigram.CountModel.from_table(table, without).to_arpa(tmp_path / "m.arpa")
    assert "ngram 1=5\n" in (tmp_path / "m.arpa").read_text()
    assert "\n-99\t<unk>\t0\n" in (tmp_path / "m.arpa").read_text()


@pytest.mark.parametrize("symbol", [" ", "\t", "\n", "\r", "\0"])
def test_a_symbol_that_a_reader_would_split_is_refused(symbol, tmp_path):
    model = bigram.CountModel().fit(["a" + symbol])
    with pytest.raises(ValueError, match="cannot be in an ARPA file") as caught:
        model.to_arpa(tmp_path / "m.arpa")
    assert repr(symbol) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_model_without_a_boundary_is_refused(tmp_path):
    for model in (
        bigram.CountModel.from_counts(np.ones((2, 2), np.int64)),
        bigram.CountModel(tokenizer=bigram.CharTokenizer(("a", "b"))).fit(["ab"]),
    ):
        with pytest.raises(
            ValueError, match="an ARPA file needs a boundary symbol for <s> and </s>"
        ):
            model.to_arpa(tmp_path / "m.arpa")


def test_a_word_that_kenlm_takes_for_the_unknown_one_is_refused(tmp_path):
    model = bigram.CountModel(bigram.AddK(1.0), bigram.WordTokenizer.from_texts(["a <UNK> b"]))
    model.fit(["a <UNK> b"])
    with pytest.raises(ValueError, match="symbol '<UNK>' cannot be in an ARPA file"):
        model.to_arpa(tmp_path / "model.arpa")
