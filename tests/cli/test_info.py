"""`bigram info` on every kind of file."""

import bz2
import gzip
import lzma
import struct
from pathlib import Path
from typing import Any

import pytest


def test_info_tells_what_a_model_is(run, model) -> None:
    found = run("info", model, "--json").json
    assert found["kind"] == "count_model"
    assert found["symbols"] == 12
    assert found["smoothing"] == {"name": "AddK", "k": 1.0}
    assert found["bytes"] == model.stat().st_size
    text = run("info", model).out
    assert "count_model" in text
    assert "AddK" in text


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, bz2.compress, lzma.compress])
def test_info_reads_arpa_files_of_any_order(run: Any, tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "model.arpa"
    path.write_bytes(pack(b"\n\\data\\\nngram 1=4\nngram 2 = 7\nngram 3=9\n\n\\1-grams:\n-1\ta\n"))
    found = run("info", path, "--json").json
    assert found["kind"] == "arpa"
    assert (found["order"], found["symbols"]) == (3, 4)
    assert found["ngrams"] == {"1": 4, "2": 7, "3": 9}
    assert "1 4, 2 7, 3 9" in run("info", path).out


def test_info_reads_binary_files_of_kenlm(run: Any, tmp_path: Path) -> None:
    # struct Sanity and struct FixedWidthParameters of KenLM's lm/binary_format, then the counts
    magic = b"mmap lm http://kheafield.com/code format version 5\n\0".ljust(56, b"\0")
    sanity = struct.pack("<3f3IQ", 0.0, 1.0, -0.5, 1, 2**32 - 1, 0, 1)
    fixed = struct.pack("<B3xfi?3xI", 3, 1.5, 2, True, 1)
    path = tmp_path / "model.bin"
    path.write_bytes(magic + sanity + fixed + struct.pack("<3Q", 10, 20, 30) + bytes(100))
    found = run("info", path, "--json").json
    assert (found["kind"], found["model"], found["order"]) == ("kenlm", "trie", 3)
    assert found["ngrams"] == {"1": 10, "2": 20, "3": 30}
    assert found["vocabulary_included"] is True
    path.write_bytes((magic + sanity + fixed)[:-1])
    assert "truncated binary file of KenLM" in run("info", path).err


@pytest.mark.parametrize("name", ["m.lm", "m.arpa.xz", "m.lm.bz2", "m.lm.gz"])
def test_info_and_score_agree_on_what_is_an_arpa_file(run: Any, tmp_path: Path, name: str) -> None:
    pack = {"xz": lzma.compress, "bz2": bz2.compress, "gz": gzip.compress}.get(
        name.rpartition(".")[2], bytes
    )
    text = b"# by hand\n\\data\\\nngram 1=\t4\n\n\\1-grams:\n-1\t<unk>\n-inf\t<s>\n"
    path = tmp_path / name
    path.write_bytes(pack(text + b"\n-0.5\t</s>\n-0.25\ta\n\n\\end\\\n"))
    assert run("info", path, "--json").json["ngrams"] == {"1": 4}
    (tmp_path / "texts").write_text("a a\n")
    assert "-2.302585\ta a" in run("score", path, tmp_path / "texts").out
