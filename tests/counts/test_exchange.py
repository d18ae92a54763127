"""Counts to and from what other programs read: TSV, Parquet, Arrow, pandas and .npz."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pickle

import pytest

from bigram import BigramCounts


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("form", ["tsv", "npz", "parquet"])
def test_other_formats_read_back_equal(
    tmp_path: pathlib.Path, form: str, index: int, samples: list[BigramCounts]
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    counts, path = samples[index], tmp_path / "counts"
    getattr(counts, f"to_{form}")(path)
    loaded = getattr(BigramCounts, f"from_{form}")(path)
    assert loaded == counts
    assert type(loaded.matrix) is type(counts.matrix)
    assert os.listdir(tmp_path) == ["counts"]


@pytest.mark.parametrize("size", [0, -1, 2**31])
@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_a_bad_vocabulary_size_is_refused(tmp_path: pathlib.Path, kind: str, size: int) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "counts"
    path.write_text("0\t0\t1\n")
    with pytest.raises(ValueError, match=f"vocab_size = {size} is outside"):
        getattr(BigramCounts, f"from_{kind}")(path, vocab_size=size)


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_a_damaged_file_of_another_format_is_a_value_error(
    tmp_path: pathlib.Path, form: str, samples: list[BigramCounts]
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "counts"
    getattr(samples[0], f"to_{form}")(path)
    sound = path.read_bytes()
    read = getattr(BigramCounts, f"from_{form}")
    for data in (b"", b"x" * 100, sound[: len(sound) // 2], sound[:-1], pickle.dumps([1])):
        path.write_bytes(data)
        with pytest.raises((ValueError, OSError)) as caught:
            read(path)
        assert str(path) in str(caught.value)
    for position in range(len(sound)):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 2]) + sound[position + 1 :])
        with contextlib.suppress(ValueError, OSError):
            read(path)
    with pytest.raises(OSError):
        read(tmp_path)
