"""ARPA files: KenLM's reference figures, what is written, and what is refused."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigram
from bigram.arpa.reader import read_arpa
from bigram.tables.backoff import BackoffTable

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"

SMALL = """\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-1.5\t<unk>
0\t<s>\t-0.5
-0.75\t</s>\t0
-0.5\ta\t-0.25

\\2-grams:
-0.25\t<s> a
-0.125\ta </s>
-0.75\ta a

\\end\\
"""


def read(tmp_path, text, **options):
    path = tmp_path / "model.arpa"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return bigram.CountModel.from_arpa(path, **options)


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


def reference(name):
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def assert_equal_files(ours, wanted):
    """Every line of KenLM's, to 1e-5 in log10 (it computes in float32), and no other."""
    got, expected = entries(ours), entries(wanted)
    assert got.keys() == expected.keys()
    for words, (prob, backoff) in expected.items():
        assert got[words][0] == pytest.approx(prob, abs=1e-5)
        assert (got[words][1] or 0) == pytest.approx(backoff or 0, abs=1e-5)


def test_words_equal_lmplz(shakespeare_path, tmp_path):
    """Discounts, file and perplexity that lmplz and KenLM gave (commit 4cb443e)."""
    wanted = reference("shakespeare_words_modified_kneser_ney.arpa.gz")
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


def test_characters_equal_lmplz(names_path, tmp_path):
    """lmplz --discount_fallback: order 1 falls back, order 2 does not."""
    wanted = reference("names_chars_modified_kneser_ney.arpa")
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
@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_round_trip(smoothing, name, tmp_path):
    tokenizer = bigram.WordTokenizer.from_texts(TEXTS)
    model = bigram.CountModel(smoothing, tokenizer).fit(TEXTS)
    model.to_arpa(tmp_path / name)
    for again in (
        bigram.CountModel.from_arpa(tmp_path / name),
        bigram.CountModel.from_arpa(tmp_path / name, tokenizer=tokenizer),
    ):
        assert again.tokenizer.vocab == tokenizer.vocab
        everyone = np.arange(model.vocab_size)
        np.testing.assert_allclose(
            np.exp(again.table.log_probs(everyone)),
            np.exp(model.table.log_probs(everyone)),
            rtol=1e-7,
            atol=1e-98,
        )
        assert again.counts is None
        assert again.score("a b zzz") == pytest.approx(model.score("a b zzz"))


@pytest.mark.parametrize("smoothing", METHODS, ids=repr)
def test_kenlm_reads_what_we_write(smoothing, tmp_path):
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


def test_a_dense_table_is_written_whole(tmp_path):
    tokenizer = bigram.CharTokenizer.from_texts(["ab"])
    probs = np.array([[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    model = bigram.CountModel.from_table(bigram.DenseTable(probs), tokenizer)
    model.to_arpa(tmp_path / "model.arpa")
    assert len(entries(tmp_path / "model.arpa")) == 5 + 6
    again = bigram.CountModel.from_arpa(tmp_path / "model.arpa", tokenizer=tokenizer)
    np.testing.assert_allclose(np.exp(again.table.log_probs(range(3))), probs, rtol=1e-7)


def test_what_is_written(tmp_path):
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


def test_a_foreign_file(tmp_path):
    """SRILM's manner: -99 for <s>, spaces, carriage returns, no backoff where there is none."""
    text = SMALL.replace("0\t<s>", "-99\t<s>").replace("\t", " ").replace("\n", "\r\n")
    model = read(tmp_path, "\n\n" + text)
    assert model.tokenizer.vocab == ("</s>", "<unk>", "a")
    table = model.table
    np.testing.assert_allclose(table.base, 10 ** np.array([-0.75, -1.5, -0.5]))
    np.testing.assert_allclose(table.backoff, 10 ** np.array([-0.5, 0, -0.25]))
    assert model.score("a") == pytest.approx(-0.375 * math.log(10))
    assert model.score("b") == pytest.approx((-0.5 - 1.5 - 0.75) * math.log(10))
    positive = read(tmp_path, SMALL.replace("a\t-0.25", "a\t0.25"))
    assert positive.table.backoff[2] == pytest.approx(10**0.25)


def test_unknown_words(tmp_path):
    missing = SMALL.replace("-1.5\t<unk>\n", "").replace("1=4", "1=3")
    with pytest.warns(UserWarning, match="no <unk>: it gets the log10 probability -100"):
        model = read(tmp_path, missing)
    assert model.table.base[1] == pytest.approx(1e-100)
    tokenizer = bigram.CharTokenizer((".", "a"), ".")
    assert read(tmp_path, missing, tokenizer=tokenizer).vocab_size == 2
    assert read(tmp_path, SMALL, tokenizer=tokenizer).vocab_size == 2
    assert read(tmp_path, SMALL.replace("<unk>", "<UNK>")).tokenizer.vocab[1] == "<unk>"


WRONG = [
    ("\\data\\\n", "", 1, "wanted '.*data.*', got 'ngram 1=4'"),
    ("\\data\\", "\\date\\", 1, "wanted"),
    ("ngram 1=4\n", "", 2, "wanted ngram 1="),
    ("ngram 2=3\n", "", 4, "wanted ngram 2="),
    ("ngram 2=3\n", "ngram 2=3\nngram 3=1\n", 4, "order 3 at least; only bigrams"),
    ("ngram 2=3\n", "ngram 2=three\n", 3, "wanted ngram 2="),
    ("ngram 2=3\n", "ngram 2=99999999999999999999\n", 3, "more than the file could hold"),
    ("ngram 1=4", "ngram 1=5", 10, "ends before the 5 1-grams"),
    ("ngram 1=4", "ngram 1=3", 9, "more 1-grams than the header"),
    ("ngram 2=3", "ngram 2=4", 15, "ends before the 4 2-grams"),
    ("ngram 2=3", "ngram 2=2", 14, "more 2-grams than the header"),
    ("\\1-grams:\n", "", 5, "wanted '.*1-grams:'"),
    ("\\2-grams:\n", "", 11, "wanted '.*2-grams:'"),
    ("-0.75\t</s>", "zero\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "nan\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "-inf\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "-0.75x\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "-1e999\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "0.75\t</s>", 8, "a positive log-probability"),
    ("-0.75\t</s>\t0", "-0.75", 8, "wanted a number, 1 word"),
    ("-0.75\t</s>\t0", "-0.75\t</s>\tx", 8, "not a number"),
    ("-0.75\t</s>\t0", "-0.75\t</s>\t0\t0", 8, "wanted a number, 1 word"),
    ("-0.75\t</s>\t0", "-0.75\t</s>\t309", 8, "a backoff of more than 10.308"),
    ("-0.5\ta\t", "-0.5\t</s>\t", 9, "given before"),
    ("-0.25\t<s> a", "0.25\t<s> a", 12, "a positive log-probability"),
    ("-0.25\t<s> a", "-0.25\t<s> b", 12, "not among the 1-grams"),
    ("-0.25\t<s> a", "-0.25\tb a", 12, "not among the 1-grams"),
    ("-0.25\t<s> a", "-0.25\ta", 12, "wanted a number, 2 word"),
    ("-0.25\t<s> a", "-0.25\t<s> a\t-0.5", 12, "2-grams have none"),
    ("-0.25\t<s> a", "-0.25\t<s> a a", 12, "not a number"),
    ("-0.125\ta </s>", "-0.125\ta <s>", 13, "nothing comes before <s>"),
    ("-0.125\ta </s>", "-0.125\t</s> a", 13, "nothing comes before <s>"),
    ("-0.75\ta a\n", "-0.75\ta </s>\n", 14, "this 2-gram was given before"),
    ("\\end\\\n", "", 16, "the file ends"),
    ("\\end\\\n", "\\end\\\nmore\n", 17, "'more' after"),
    ("-0.75\ta a\n\n\\end\\\n", "", 14, "ends before the 3 2-grams"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG)
def test_the_reader_is_strict(old, new, line, message, tmp_path):
    assert old in SMALL
    with pytest.raises(ValueError, match=rf"model.arpa, line {line}: .*{message}"):
        read(tmp_path, SMALL.replace(old, new, 1))


@pytest.mark.parametrize("name", ["<s>", "</s>"])
def test_missing_ends_of_sentences(name, tmp_path):
    with pytest.raises(ValueError, match=f"{name} is missing"):
        read(tmp_path, SMALL.replace(name, "b"))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_a_value_error(data):
    """Any cut, and any change of bytes, either reads or raises ValueError."""
    import tempfile

    text = bytearray(SMALL.encode())
    if data.draw(st.booleans()):
        del text[data.draw(st.integers(0, len(text) - 1)) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if text:
            at = data.draw(st.integers(0, len(text) - 1))
            text[at] = data.draw(st.sampled_from(b"\0\n\t -9.e\\<x\xff\x80"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.arpa"
        path.write_bytes(text)
        try:
            table, tokenizer = read_arpa(path)
        except (ValueError, UserWarning):
            return
        assert table.vocab_size == tokenizer.vocab_size


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(SMALL.encode())
    assert read(tmp_path, packed).vocab_size == 3
    for bad in (packed[:-4], packed[:20], packed[:30] + b"xxxx" + packed[34:]):
        with pytest.raises(ValueError, match="damaged gzip data"):
            read(tmp_path, bad)
    with pytest.raises(OSError, match="nowhere"):
        bigram.CountModel.from_arpa(tmp_path / "nowhere.arpa")


def test_a_tokenizer_must_fit(tmp_path):
    with pytest.raises(ValueError, match="line 9: the tokenizer has no symbol 'a'"):
        read(tmp_path, SMALL, tokenizer=bigram.CharTokenizer((".", "b"), "."))
    with pytest.raises(ValueError, match="'b' of the tokenizer is not among the 1-grams"):
        read(tmp_path, SMALL, tokenizer=bigram.CharTokenizer((".", "a", "b"), "."))
    with pytest.raises(ValueError, match="boundary"):
        read(tmp_path, SMALL, tokenizer=bigram.ByteTokenizer())
    with pytest.raises(ValueError, match="line 12: the tokenizer has no unknown symbol"):
        read(
            tmp_path,
            SMALL.replace("<s> a", "<s> <unk>"),
            tokenizer=bigram.CharTokenizer((".", "a"), "."),
        )


@pytest.mark.parametrize("symbol", [" ", "\t", "\n", "\r", "\0"])
def test_symbols_that_cannot_be_written(symbol, tmp_path):
    model = bigram.CountModel().fit(["a" + symbol])
    with pytest.raises(ValueError, match="cannot be in an ARPA file") as caught:
        model.to_arpa(tmp_path / "m.arpa")
    assert repr(symbol) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_models_that_cannot_be_written(tmp_path):
    for model in (
        bigram.CountModel.from_counts(np.ones((2, 2), np.int64)),
        bigram.CountModel(tokenizer=bigram.CharTokenizer(("a", "b"))).fit(["ab"]),
    ):
        with pytest.raises(ValueError, match="needs a boundary symbol"):
            model.to_arpa(tmp_path / "m.arpa")
