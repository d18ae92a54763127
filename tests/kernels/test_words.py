"""Words: any bytes, batches, growth, blocks and threads."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, reference
from bigram.kernels import WordIndex

any_text = st.lists(
    st.one_of(
        st.sampled_from(
            [b" ", b"\n", b"\t", b"\0", b"\r", b"  ", b"\x0b", b"\x0c", b"\x1c", b"\xc2\x85"]
        ),
        st.sampled_from(
            [
                b"a",
                b"bb",
                b"seven77",
                b"eight888",
                b"nine99999",
                b"x" * 17,
                b"\xe2\x80\xa8",
                b"<",
                b"s>",
            ]
        ),
        st.binary(max_size=20),
    ),
    max_size=60,
).map(b"".join)


SEPARATORS = b"\0\t\n\r"


def without_reserved(text: bytes) -> bytes:
    words = text.translate(bytes.maketrans(SEPARATORS, b" " * 4)).split(b" ")
    return b"safe" if {b"<s>", b"</s>"} & set(words) else text


def indexes(*texts: bytes) -> tuple[WordIndex, reference.WordIndex]:
    """Return the kernel and its twin, with the same texts."""
    index, twin = WordIndex(), reference.WordIndex()
    for text in texts:
        assert index.add(text) == twin.add(text) == -1
    return index, twin


@given(st.lists(any_text.map(without_reserved), max_size=4))
def test_words_counts_and_ranks_equal_the_twin(texts: list[bytes]) -> None:
    index, twin = indexes(*texts)
    assert len(index) == len(twin)
    assert index.words() == twin.words()
    assert index.counts().tolist() == twin.counts()
    assert index.ranked().tolist() == twin.ranked()


@given(
    known=any_text.map(without_reserved),
    text=any_text,
    unknown=st.sampled_from([None, 1]),
    boundary=st.sampled_from([None, 0]),
    lines=st.booleans(),
    num_threads=st.sampled_from([1, 2, 3, 7]),
)
def test_tokens_and_the_first_bad_word_equal_the_twin(
    known: bytes,
    text: bytes,
    unknown: int | None,
    boundary: int | None,
    lines: bool,
    num_threads: int,
) -> None:
    text += b"\n" * (not text.endswith(b"\n") and bool(text))
    index, twin = indexes(known)
    ids = np.arange(len(index), 0, -1, dtype=np.uint32) + 1
    ids.flags.writeable = False
    options = {"unknown": unknown, "boundary": boundary, "lines": lines}
    by_word = dict(zip(twin.words(), ids.tolist(), strict=True))
    tokens, offsets, bad = twin.encode(text, by_word, **options)
    for size, dtype in ((256, np.uint8), (257, np.uint16), (65537, np.uint32)):
        got = index.encode(text, ids, size, num_threads=num_threads, **options)
        assert got[0].dtype == dtype
        assert got[2] == bad
        if bad < 0:
            assert got[0].tolist() == tokens
            assert got[1].tolist() == offsets


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7])
def test_many_blocks_are_the_same_for_any_number_of_threads(num_threads: int) -> None:
    rng = np.random.default_rng(0)
    words = [b"w%d" % i * int(k) for i, k in enumerate(rng.integers(1, 5, 30_000))]
    picks = rng.zipf(1.2, 150_000) % len(words)
    text = b"".join(
        words[i] + (b"\n" if j % 11 == 0 else b" ") for j, i in enumerate(picks.tolist())
    )
    text += b"a" * 300_000 + b"\n\n"
    index, twin = indexes(text)
    assert index.words() == twin.words()
    assert index.counts().tolist() == twin.counts()
    ids = np.arange(2, len(index) + 2, dtype=np.uint32)
    by_word = dict(zip(twin.words(), ids.tolist(), strict=True))
    tokens, offsets, _ = twin.encode(text, by_word, boundary=0, lines=True)
    got = index.encode(text, ids, len(index) + 2, boundary=0, lines=True, num_threads=num_threads)
    np.testing.assert_array_equal(got[0], tokens)
    np.testing.assert_array_equal(got[1], offsets)


def test_reserved_and_missing_words_are_named_by_their_position() -> None:
    for text, bad in (
        (b"a b <s> c", 4),
        (b"</s>", 0),
        (b"<s>a <S> </s>> <unk>", -1),
        (b"a\0</s>", 2),
    ):
        assert WordIndex().add(text) == reference.WordIndex().add(text) == bad
    index, _ = indexes(b"a")
    ids = np.array([1], dtype=np.uint32)
    for text, bad in ((b"a a b a\n", 4), (b"a <s>\n", 2), (b"a </s>\n", 2), (b"", -1)):
        assert index.encode(text, ids, 2, boundary=0, lines=True)[2] == bad
    assert index.encode(b"a <s>\n", ids, 2, unknown=0, boundary=0, lines=True)[2] == 2
    long = b"a\n" * 300_000 + b"b\n" + b"a\n" * 300_000 + b"b\n"
    for num_threads in (1, 2, 3, 7):
        got = index.encode(long, ids, 2, boundary=0, lines=True, num_threads=num_threads)
        assert got[2] == 600_000


def test_without_boundaries_lines_still_have_offsets() -> None:
    index = WordIndex()
    index.add(b"a b")
    ids = np.array([0, 1], dtype=np.uint32)
    tokens, offsets, _ = index.encode(b"a b\n\nb\n", ids, 2, lines=True)
    assert tokens.tolist() == [0, 1, 1]
    assert offsets.tolist() == [0, 2, 2, 3]


def test_an_index_pickles() -> None:
    index = WordIndex()
    index.add(b"b a b longer-than-eight b")
    copy = pickle.loads(pickle.dumps(index))
    assert copy.words() == index.words()
    assert copy.counts().tolist() == index.counts().tolist()
    for state in ((), (b"a b\n", np.zeros(1, np.int64)), (b"<s>\n", np.zeros(0, np.int64))):
        with pytest.raises(ValueError, match="damaged"):
            _core.Words.__new__(_core.Words).__setstate__(state)


def test_the_raw_extension_refuses_what_it_cannot_read() -> None:
    words = _core.Words()
    text = np.frombuffer(b"a b\n", np.uint8)
    for bad in (np.zeros(3), np.zeros((2, 2), np.uint8), text[::-1], "abc", None):
        with pytest.raises(TypeError):
            words.add(bad)
    words.add(text)
    ids = np.array([1, 2], np.uint32)
    for arguments in (
        (text, ids[:1], 3, 0, 0, True, 1),
        (text, np.array([1, 2]), 3, 0, 0, True, 1),
        (text[:-1], ids, 3, 0, 0, True, 1),
        (text[::2], ids, 3, 0, 0, True, 1),
        (text, ids[::-1], 3, 0, 0, True, 1),
    ):
        with pytest.raises((TypeError, ValueError)):
            words.encode(*arguments)
    with pytest.raises(ValueError, match="read"):
        words.add(text)
    assert words.encode(text, ids, 3, 0, 0, True, 1)[0].tolist() == [0, 1, 2, 0]
