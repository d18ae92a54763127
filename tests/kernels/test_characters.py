"""Ids of characters: any Unicode, any table, bytes that are not UTF-8."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, reference
from bigram.kernels import encode_characters

any_text = st.text(
    st.one_of(st.sampled_from("abcdefgh é日👍\0"), st.characters(exclude_categories=[])),
    max_size=60,
)


@given(
    any_text,
    st.sampled_from([np.uint8, np.uint16, np.uint32]),
    st.sampled_from([1, 100, 128, 300, 0x110000]),
    st.sampled_from([None, 0, 3]),
)
def test_ids_equal_the_twin(text: str, dtype: type, size: int, missing: int | None) -> None:
    table = (np.arange(size) % 7).astype(dtype)
    data = text.encode("utf-8", "surrogatepass")
    ids, num_bytes = reference.encode_characters(data, table, missing=missing)
    for form in (data, np.frombuffer(data * 2, np.uint8)[: len(data)], bytearray(data)):
        got, got_bytes = encode_characters(form, table, missing=missing)
        assert got.dtype == dtype
        assert got.tolist() == ids
        assert got_bytes == num_bytes
    strided = np.repeat(np.frombuffer(data, np.uint8), 2)[::2]
    assert encode_characters(strided, np.repeat(table, 2)[::2])[0].tolist() == [
        int(table[min(ord(c), size - 1)]) for c in text
    ]


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_far_as_they_are_utf8(data: bytes) -> None:
    ids, num_bytes = encode_characters(data, np.zeros(200, np.uint8))
    assert len(ids) <= num_bytes <= len(data)
    good = data.decode("utf-8", "ignore")
    if good.encode() == data:
        assert (len(ids), num_bytes) == (len(good), len(data))


@pytest.mark.parametrize(
    ("data", "good"),
    [
        (b"ab\xff", 2),
        (b"a\x80", 1),
        (b"a\xc3", 1),
        (b"\xe2\x82", 0),
        (b"\xf5\x80\x80\x80", 0),
        (b"\xc0\xaf", 0),
        (b"abcdefgh\xe2(\xa1", 8),
    ],
)
def test_encoding_stops_at_the_first_bytes_that_are_not_utf8(data: bytes, good: int) -> None:
    assert encode_characters(data, np.zeros(200, np.uint8))[1] == good


def test_encoding_stops_when_out_is_full() -> None:
    table = np.arange(256, dtype=np.uint16)
    out = np.zeros(3, np.uint16)
    ids, num_bytes = encode_characters("éabcdefghijkl".encode(), table, out=out)
    assert np.shares_memory(ids, out)
    assert (ids.tolist(), num_bytes) == ([233, 97, 98], 4)


def test_bad_arguments_are_named() -> None:
    table = np.zeros(4, np.uint8)
    for bad in (np.zeros(3), np.zeros((2, 2), np.uint8)):
        with pytest.raises(TypeError, match="wanted uint8"):
            encode_characters(bad, table)
    for bad in (np.zeros(3), [1], np.zeros(3, np.int64)):
        with pytest.raises(TypeError, match="table is"):
            encode_characters(b"a", bad)
    for bad in (np.zeros(0, np.uint8), np.zeros((2, 2), np.uint8)):
        with pytest.raises(ValueError, match="table has shape"):
            encode_characters(b"a", bad)
    with pytest.raises(TypeError, match="out has dtype"):
        encode_characters(b"a", table, out=np.zeros(1, np.int64))
    with pytest.raises(TypeError, match="out is list, wanted a NumPy array"):
        encode_characters(b"a", table, out=[0])
    for bad, error in ((-5, ValueError), (2**64, ValueError), ("x", TypeError)):
        with pytest.raises(error, match="missing"):
            encode_characters(b"a", table, missing=bad)
    frozen = np.zeros(1, np.uint8)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        encode_characters(b"a", table, out=frozen)
    text = np.frombuffer(b"abc", np.uint8)
    for arguments in (
        (np.zeros(3, np.uint8), text, np.zeros(0, np.uint8), 0),
        (np.zeros(3, np.uint8), text, np.zeros(4, np.uint16), 0),
        (np.zeros(3, np.int64), text, table, 0),
        (np.zeros((3, 1), np.uint8), text, table, 0),
        (np.zeros(3, np.uint8), text[::-1], table, 0),
        (frozen, text, table, 0),
    ):
        with pytest.raises((TypeError, ValueError)):
            _core.encode_characters(*arguments)
