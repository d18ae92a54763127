"""Lines of ARPA files, written and read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core
from bigram.kernels.arpa import ArpaWords, format_ngrams
from bigram.reference import arpa as reference

threads = st.sampled_from([1, 2, 3, 7])
numbers = st.floats(-98, 0) | st.floats(-1e-3, 0) | st.floats(0, 5) | st.sampled_from([0.0, -99.0])
WORDS = ["a", "<s>", "Wörter", "𝄞", "x" * 300]


def symbols():
    encoded = [word.encode() for word in WORDS]
    return b"".join(encoded), np.cumsum([0, *map(len, encoded)])


@given(
    st.lists(numbers),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 3000]),
    st.integers(0, 99),
    threads,
)
def test_lines_equal_the_twin(values, pairs, weighted, repeats, seed, num_threads):
    rng = np.random.default_rng(seed)
    log10 = np.array(values * repeats, np.float64)
    contexts, nexts = rng.integers(0, len(WORDS), (2, len(log10)))
    lines = format_ngrams(
        log10,
        contexts if pairs else None,
        nexts,
        log10[::-1].copy() if weighted else None,
        symbols(),
        symbols(),
        num_threads=num_threads,
    )
    wanted = reference.format_ngrams(
        log10.tolist(),
        [WORDS[k] for k in contexts] if pairs else None,
        [WORDS[k] for k in nexts],
        log10[::-1].tolist() if weighted else None,
    )
    assert lines.tobytes().decode() == wanted


@given(st.lists(numbers, min_size=1), threads)
def test_lines_are_read_back(values, num_threads):
    rng = np.random.default_rng(len(values))
    log10 = np.minimum(values, 0.0)
    contexts, nexts = rng.integers(0, len(WORDS), (2, len(log10)))
    unigrams = format_ngrams(
        np.zeros(len(WORDS)), None, np.arange(len(WORDS)), None, symbols(), symbols()
    )
    bigrams = format_ngrams(log10, contexts, nexts, None, symbols(), symbols())
    text = unigrams.tobytes() + bigrams.tobytes()
    words = ArpaWords(text, 0, len(WORDS))
    assert words.joined().decode().split("\n")[:-1] == WORDS
    found = words.bigrams(words.position, len(log10), num_threads)
    lines = [reference.parse_ngram(x, 2) for x in bigrams.tobytes().decode().splitlines()]
    np.testing.assert_array_equal(found[0], [line[0] for line in lines])
    np.testing.assert_array_equal(found[1], contexts)
    np.testing.assert_array_equal(found[2], nexts)
    assert found[3:] == (0, len(text))


def test_the_first_bad_line_is_named():
    lines = ["0 w", *["-1 w w"] * 50_000]
    for place in (1, 4096, 4097, 50_000):
        broken = list(lines)
        broken[place], broken[-1] = "x w w", "y w w"
        text = "\n".join(broken).encode()
        words = ArpaWords(text, 0, 1)
        error, position = words.bigrams(words.position, 50_000, 3)[3:]
        assert error == 2
        assert text[:position].count(b"\n") == place


@given(st.lists(st.floats(-98, 0) | st.floats(-1e-3, 0) | st.floats(0, 5), min_size=1))
def test_numbers_are_written_with_seven_significant_digits(values):
    values = np.array(values)
    ids = np.zeros(len(values), np.int64)
    word = b"w", np.array([0, 1])
    lines = format_ngrams(values, None, ids, values, word, word)
    for line, value in zip(lines.tobytes().decode().splitlines(), values, strict=True):
        first, word, second = line.split("\t")
        assert (word, first) == ("w", second)
        assert "e" not in first
        if abs(value) > 1e-14:
            assert float(first) == pytest.approx(value, rel=1e-7)
        else:
            assert abs(float(first)) <= 1e-14
        words = ArpaWords(f"{first} w\n".encode(), 0, 1)
        if value <= 0:
            assert words.log10[0] == float(first)


@given(st.floats(-1e300, 0) | st.integers(-(10**25), 0))
def test_numbers_are_read_as_python_reads_them(value):
    for text in (repr(value), f"{value:.17g}", f"{value:.3e}"):
        words = ArpaWords(f"{text}\tw\t{text}\n".encode(), 0, 1)
        assert words.error == 0
        assert words.log10[0] == pytest.approx(float(text), rel=1e-14, abs=1e-300)
        assert words.backoffs[0] == words.log10[0]


def test_the_raw_extension_checks_what_protects_memory():
    one, ids, offsets = np.zeros(1), np.zeros(1, np.int64), np.array([0, 1])
    good = [one, ids, ids, one, b"w", offsets, b"w", offsets, 1]
    assert _core.format_ngrams(*good).tobytes() == b"0\tw w\t0\n"
    for place, value in [
        (0, one + np.nan),
        (0, np.zeros(2)),
        (1, ids + 1),
        (2, ids - 1),
        (3, np.zeros(2)),
        (4, b""),
        (5, np.array([1, 0])),
        (7, np.array([0, 2])),
    ]:
        with pytest.raises((ValueError, TypeError)):
            _core.format_ngrams(*[value if k == place else v for k, v in enumerate(good)])
    for arguments in ((b"0 w", 4, 1), (b"0 w", -1, 1), (b"0 w", 0, 4), (b"0 w", 0, -1)):
        with pytest.raises(ValueError):
            _core.ArpaWords(*arguments)
    words = _core.ArpaWords(b"0 w\n0 w w\n", 0, 1)
    assert words.bigrams(4, 1, 1)[3] == 0
    assert words.bigrams(4, 2, 1)[3] == 1
    with pytest.raises(ValueError):
        words.bigrams(11, 1, 1)
