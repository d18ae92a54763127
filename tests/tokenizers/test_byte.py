"""Bytes: a view of the text, and names of all 256."""

import pytest

from bigram.tokenizers.byte import ByteTokenizer


def test_ids_are_a_view_of_the_bytes() -> None:
    data = bytearray(b"abc")
    ids = ByteTokenizer().encode(data)
    data[0] = 120
    assert ids.tolist() == [120, 98, 99]
    assert ByteTokenizer().encode("é").tolist() == [0xC3, 0xA9]
    assert ByteTokenizer().decode([0xC3]) == "\N{REPLACEMENT CHARACTER}"
    assert len(set(ByteTokenizer().vocab)) == 256
    assert ByteTokenizer().token_id("a") == 97
    with pytest.raises(KeyError):
        ByteTokenizer().token_id("é")
    for bad in ("ab", "é", 256, -1):
        with pytest.raises(ValueError):
            ByteTokenizer(bad)
