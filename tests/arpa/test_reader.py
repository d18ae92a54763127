"""Reading ARPA files: what was written, files by other programs, and damage."""

import bz2
import gzip
import lzma
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigram
from bigram.arpa.reader import read_arpa

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
def test_a_model_equals_the_one_read_from_its_file(smoothing, name, tmp_path):
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


def test_a_file_in_the_manner_of_srilm_is_read(tmp_path):
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


def test_a_file_without_unk_gets_one_as_in_kenlm(tmp_path):
    missing = SMALL.replace("-1.5\t<unk>\n", "").replace("1=4", "1=3")
    with pytest.warns(UserWarning, match="no <unk>: it gets the log10 probability -100"):
        model = read(tmp_path, missing)
    assert model.table.base[1] == pytest.approx(1e-100)
    tokenizer = bigram.CharTokenizer((".", "a"), ".")
    assert read(tmp_path, missing, tokenizer=tokenizer).vocab_size == 2
    assert read(tmp_path, SMALL, tokenizer=tokenizer).vocab_size == 2
    assert read(tmp_path, SMALL.replace("<unk>", "<UNK>")).tokenizer.vocab[1] == "<unk>"


WRONG = [
    ("\\data\\\n", "", 1, "got 'ngram 1=4', wanted '.*data.*'"),
    ("\\data\\", "\\date\\", 1, "wanted"),
    ("ngram 1=4\n", "", 2, "wanted ngram 1="),
    ("ngram 2=3\n", "", 4, "wanted ngram 2="),
    ("ngram 2=3\n", "ngram 2=3\nngram 3=1\n", 4, "the model is of order 3 or more, wanted order 2"),
    ("ngram 2=3\n", "ngram 2=three\n", 3, "wanted ngram 2="),
    ("ngram 2=3\n", "ngram 2=99999999999999999999\n", 3, "more than the file can hold"),
    ("ngram 1=4", "ngram 1=5", 11, "ends before the 5 1-grams"),
    ("ngram 1=4", "ngram 1=3", 9, "more 1-grams than the header"),
    ("ngram 2=3", "ngram 2=4", 16, "ends before the 4 2-grams"),
    ("ngram 2=3", "ngram 2=2", 14, "more 2-grams than the header"),
    ("\\1-grams:\n", "", 5, "wanted '.*1-grams:'"),
    ("\\2-grams:\n", "", 11, "wanted '.*2-grams:'"),
    ("-0.75\t</s>", "zero\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "nan\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "inf\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "-0.75x\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "-1e999\t</s>", 8, "not a number"),
    ("-0.75\t</s>", "0.75\t</s>", 8, "the log-probability is positive"),
    ("-0.75\t</s>\t0", "-0.75", 8, "wanted a number, 1 word"),
    ("-0.75\t</s>\t0", "-0.75\t</s>\tx", 8, "not a number"),
    ("-0.75\t</s>\t0", "-0.75\t</s>\t0\t0", 8, "wanted a number, 1 word"),
    ("-0.75\t</s>\t0", "-0.75\t</s>\t309", 8, "the backoff is above 10.308"),
    ("-0.5\ta\t", "-0.5\t</s>\t", 9, "the word occurs twice"),
    ("-0.25\t<s> a", "0.25\t<s> a", 12, "the log-probability is positive"),
    ("-0.25\t<s> a", "-0.25\t<s> b", 12, "a word is not among the 1-grams"),
    ("-0.25\t<s> a", "-0.25\tb a", 12, "a word is not among the 1-grams"),
    ("-0.25\t<s> a", "-0.25\ta", 12, "wanted a number, 2 word"),
    ("-0.25\t<s> a", "-0.25\t<s> a\t-0.5", 12, "the backoff is not 0, but 2-grams have none"),
    ("-0.25\t<s> a", "-0.25\t<s> a a", 12, "not a number"),
    ("-0.125\ta </s>", "-0.125\ta <s>", 13, "a pair must not end in <s> or begin with </s>"),
    ("-0.125\ta </s>", "-0.125\t</s> a", 13, "a pair must not end in <s> or begin with </s>"),
    ("-0.75\ta a\n", "-0.75\ta </s>\n", 14, "the 2-gram occurs twice"),
    ("\\end\\\n", "", 16, "the file ends, wanted"),
    ("\\end\\\n", "\\end\\\nmore\n", 17, "got 'more' after"),
    ("-0.75\ta a\n\n\\end\\\n", "", 14, "ends before the 3 2-grams"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG)
def test_an_error_names_its_line(old, new, line, message, tmp_path):
    assert old in SMALL
    with pytest.raises(ValueError, match=rf"model.arpa, line {line}: .*{message}"):
        read(tmp_path, SMALL.replace(old, new, 1))


@pytest.mark.parametrize("name", ["<s>", "</s>"])
def test_both_ends_of_a_sentence_must_be_there(name, tmp_path):
    with pytest.raises(ValueError, match=f"the 1-grams lack {name}"):
        read(tmp_path, SMALL.replace(name, "b"))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_reads_or_raises_value_error(data):
    """Any cut, and any change of bytes, either reads or raises ValueError."""
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


def test_damaged_gzip_data_is_a_value_error(tmp_path):
    packed = gzip.compress(SMALL.encode())
    assert read(tmp_path, packed).vocab_size == 3
    for bad in (packed[:-4], packed[:20], packed[:30] + b"xxxx" + packed[34:]):
        with pytest.raises(ValueError, match="the gzip data is damaged"):
            read(tmp_path, bad)
    with pytest.raises(OSError, match="nowhere"):
        bigram.CountModel.from_arpa(tmp_path / "nowhere.arpa")


def test_a_tokenizer_must_have_the_words_of_the_file(tmp_path):
    with pytest.raises(ValueError, match="line 9: the tokenizer has no symbol 'a'"):
        read(tmp_path, SMALL, tokenizer=bigram.CharTokenizer((".", "b"), "."))
    with pytest.raises(ValueError, match="the 1-grams lack 'b', a symbol of the tokenizer"):
        read(tmp_path, SMALL, tokenizer=bigram.CharTokenizer((".", "a", "b"), "."))
    with pytest.raises(ValueError, match="boundary"):
        read(tmp_path, SMALL, tokenizer=bigram.ByteTokenizer())
    with pytest.raises(ValueError, match="line 12: the tokenizer has no unknown symbol"):
        read(
            tmp_path,
            SMALL.replace("<s> a", "<s> <unk>"),
            tokenizer=bigram.CharTokenizer((".", "a"), "."),
        )


OTHERS = {
    "a tab after the equals sign": SMALL.replace("ngram 1=4", "ngram 1=\t4"),
    "tabs in the header": SMALL.replace("ngram 1=4", "ngram\t1 =\t4 "),
    "comments before": "# made by hand\n\n# ngram 1=7\n" + SMALL,
    "free text before": "a model of a's\n\\1-grams:\nngram 1=9\n" + SMALL,
    "blank lines in a section": SMALL.replace("-0.75\t</s>", "\n \t\r\n-0.75\t</s>").replace(
        "-0.125\ta", "\n\n-0.125\ta"
    ),
    "blank lines everywhere": SMALL.replace("\n", "\n\n \n"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_kenlm_and_srilm_read_is_read(name, tmp_path):
    model, expected = read(tmp_path, OTHERS[name]), read(tmp_path, SMALL)
    assert model.tokenizer == expected.tokenizer
    assert np.array_equal(model.probs(), expected.probs())


def test_minus_infinity_is_zero_as_in_srilm(tmp_path):
    text = SMALL.replace("0\t<s>\t-0.5", "-inf\t<s>\t-inf").replace("-0.125\ta", "-Inf\ta")
    zero = SMALL.replace("0\t<s>\t-0.5", "-99\t<s>\t-99").replace("-0.125\ta", "-99\ta")
    model = read(tmp_path, text)
    assert np.array_equal(model.probs(), read(tmp_path, zero).probs())
    assert model.probs()[2, 0] == 0.0
    words = SMALL.replace("-0.5\ta\t-0.25", "-0.5\t-inf\t-0.25").replace("\ta a", "\t-inf -inf")
    words = words.replace("<s> a", "<s> -inf").replace("\ta </s>", "\t-inf </s>")
    assert "-inf" in read(tmp_path, words).tokenizer.vocab  # as a word


def test_a_file_of_unigrams_is_a_model(tmp_path):
    text = (
        "\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\n-0.5\t</s>\n-0.25\ta\n\n\\end\\\n"
    )
    model = read(tmp_path, text)
    assert model.score("a a b") == pytest.approx((-0.25 * 2 - 1 - 0.5) * math.log(10))
    with pytest.raises(ValueError, match=r"line 9: got 'x', wanted .*1-grams than the header"):
        read(tmp_path, text.replace("\n\n\\end", "\nx\n\\end"))


def test_errors_name_the_line_of_the_file_beyond_blank_lines(tmp_path):
    text = SMALL.replace("-0.75\t</s>", "\n\n-0.75\t</s>").replace("-0.125\ta", "\n-0.x\ta")
    line = text.split("\n").index("-0.x\ta </s>") + 1
    with pytest.raises(ValueError, match=f"line {line}: not a number"):
        read(tmp_path, text)


@pytest.mark.parametrize("module", [bz2, gzip, lzma])
def test_compressed_files_are_read_by_their_content(module, tmp_path):
    expected = read(tmp_path, SMALL).probs()
    packed = module.compress(SMALL.encode())
    assert np.array_equal(read(tmp_path, packed).probs(), expected)
    half = len(SMALL) // 2
    members = module.compress(SMALL[:half].encode()) + module.compress(SMALL[half:].encode())
    assert np.array_equal(read(tmp_path, members + bytes(512)).probs(), expected)
    for cut in (7, len(packed) // 2, len(packed) - 1):
        with pytest.raises(ValueError, match=r"model.arpa: the \w+ data is damaged"):
            read(tmp_path, packed[:cut])


@pytest.mark.parametrize("module", [bz2, gzip, lzma])
def test_a_bomb_is_refused_in_proportion_to_its_size(module, tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "bomb"
    path.write_bytes(module.compress(b"\n" * (300 << 20)))
    code = (
        "import resource, sys; from bigram.arpa.reader import read_arpa\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try: read_arpa(sys.argv[1])\n"
        "except ValueError as error: assert 'refused as too many' in str(error), error\n"
        "else: raise SystemExit('taken')\n"
        "print(peak() - before)\n"
    )
    assert resource
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
    assert int(done.stdout) < 150_000


def test_blank_lines_take_linear_time(tmp_path):
    start = time.perf_counter()
    with pytest.raises(ValueError, match="the file ends, wanted"):
        read(tmp_path, "\\data\\\n" + "\n" * 20_000_000)
    assert time.perf_counter() - start < 5
