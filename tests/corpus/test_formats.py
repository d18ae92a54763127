"""Files of another kind are named by their content, and never counted."""

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigram
from bigram import Corpus
from bigram.corpus.formats import wrong_text

TEXT = "emma\nolivia\nava\nisabella\n" * 20


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", data)
    return file.getvalue()


@pytest.mark.parametrize("errors", ["strict", "replace"])
@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-32", "UTF-32"),
    ],
)
def test_other_encodings_are_named(tmp_path, encoding, named, errors) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode(encoding))
    for make in (Corpus.lines, Corpus.text, Corpus.jsonl):
        corpus = make(path, errors=errors)
        with pytest.raises(ValueError, match=f"a.txt: is text in {named}, wanted UTF-8: `iconv"):
            list(corpus)
    with pytest.raises(ValueError, match=f"is text in {named}"):
        bigram.count(Corpus.lines(path, errors=errors))
    packed = tmp_path / "b.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ValueError, match=f"b.txt.gz: is text in {named}"):
        list(Corpus.lines(packed, errors=errors))


@pytest.mark.parametrize("errors", ["strict", "replace"])
@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (gzip.compress, "is compressed by gzip, wanted text, or a file whose name ends in .gz"),
        (bz2.compress, "is a bzip2 file, wanted text in UTF-8"),
        (lzma.compress, "is a xz file, wanted text in UTF-8"),
        (zipped, "is a zip file, wanted text in UTF-8"),
        (lambda data: b"\x28\xb5\x2f\xfd" + data, "is compressed by Zstandard"),
        (lambda data: b"PAR1" + data + b"PAR1", "is a Parquet file"),
    ],
)
def test_misnamed_compression_is_named(tmp_path, pack, message, errors) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(pack(TEXT.encode()))
    with pytest.raises(ValueError, match=message):
        bigram.count(Corpus.lines(path, errors=errors))
    with pytest.raises(ValueError, match=message):
        list(Corpus.text(path, errors=errors))


@pytest.mark.parametrize("dtype", [None, "uint16", "uint32", "int64"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped(TEXT.encode()), "zip"),
        (b"PAR1" + TEXT.encode() + b"PAR1", "Parquet"),
        (gzip.compress(TEXT.encode()), "gzip"),
        (TEXT.encode(), "text"),
        ("Der Fluß fließt über die Brücke.\n".encode() * 9, "text"),
    ],
)
def test_other_kinds_of_file_are_not_token_ids(tmp_path, content, kind, dtype) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content + b"\n" * (-len(content) % 8))
    with pytest.raises(ValueError, match=f"a.bin: is a {kind} file, wanted token ids"):
        bigram.count(Corpus.shards(path, dtype=dtype, vocab_size=2**31 - 1))


def test_a_misnamed_npy_is_named_and_bytes_may_be_ids(tmp_path) -> None:
    path = tmp_path / "a.bin"
    with path.open("wb") as file:
        np.save(file, np.arange(9, dtype=np.uint16))
    with pytest.raises(ValueError, match=r"wanted a name that ends in \.npy"):
        bigram.count(Corpus.shards(path, vocab_size=65536))
    path.write_bytes(TEXT.encode())
    counts = bigram.count(Corpus.shards(path, dtype="uint8", vocab_size=256))
    assert counts.total == len(TEXT) - 1


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_text_is_never_refused(text) -> None:
    head = text.encode()
    alternating = len(head) >= 16 and (not any(head[::2]) or not any(head[1::2]))
    assert alternating or text.startswith(("PAR1", "BZh", "PK")) or wrong_text(head) is None
