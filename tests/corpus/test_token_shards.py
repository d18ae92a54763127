"""Token files: the formats, their errors, documents, and chunks that lose no pair."""

import os

import numpy as np
import pytest

import bigram
from bigram.corpus import token_shards as shards
from bigram.corpus.corpus import Corpus
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.encoding import encode_corpus


def llmc(tokens, magic=20240520, version=1, count=None, dtype="<u2") -> bytes:
    header = np.zeros(256, "<i4")
    header[:3] = magic, version, len(tokens) if count is None else count
    return header.tobytes() + np.asarray(tokens, dtype).tobytes()


def table(sequences, size: int) -> np.ndarray:
    expected = np.zeros((size, size), dtype=np.int64)
    for tokens in sequences:
        np.add.at(expected, (tokens[:-1], tokens[1:]), 1)
    return expected


@pytest.fixture(params=[1 << 24, 1, 2, 7])
def chunk(request, monkeypatch) -> int:
    monkeypatch.setattr(shards, "CHUNK_TOKENS", request.param)
    return request.param


TOKENS = np.random.default_rng(0).integers(0, 50, 1000)


@pytest.mark.parametrize("kind", ["nanogpt", "u4", "llm.c", "llama3", "npy", "npy2", "big-endian"])
def test_every_format_gives_the_same_counts(tmp_path, chunk, kind) -> None:
    path = tmp_path / ("a.npy" if kind in ("npy", "npy2", "big-endian") else "a.bin")
    dtype = None
    if kind == "nanogpt":
        TOKENS.astype("<u2").tofile(path)
    elif kind == "u4":
        TOKENS.astype("<u4").tofile(path)
        dtype = np.uint32
    elif kind == "llm.c":
        path.write_bytes(llmc(TOKENS))
    elif kind == "llama3":
        path.write_bytes(llmc(TOKENS, 20240801, 7, dtype="<u4"))
    elif kind == "npy":
        np.save(path, TOKENS.astype(np.int32))
    elif kind == "npy2":
        with path.open("wb") as file:
            np.lib.format.write_array(file, TOKENS.astype(np.uint8), version=(2, 0))
    else:
        np.save(path, TOKENS.astype(">u2"))
    corpus = Corpus.shards([path, path], dtype=dtype, vocab_size=50)
    counts = bigram.count(corpus)
    np.testing.assert_array_equal(counts.matrix, 2 * table([TOKENS], 50))
    batches = list(encode_corpus(corpus, None))
    assert sum(batch.num_sequences for batch in batches) == 2
    assert corpus.vocab_size == 50
    with pytest.raises(TypeError, match="contains token ids, wanted text"):
        list(corpus)


def test_documents_are_sequences_between_their_separators(tmp_path, chunk) -> None:
    path = tmp_path / "a.bin"
    e = 9
    for tokens in ([1, 2, e, 3, e], [e, 1, 2, e, 3], [1, 2, e, 3], [e, 1, 2, e, 3, e]):
        np.array(tokens, "<u2").tofile(path)
        corpus = Corpus.shards(path, vocab_size=10, eod_id=e)
        expected = table([np.array([e, 1, 2, e]), np.array([e, 3, e])], 10)
        np.testing.assert_array_equal(bigram.count(corpus).matrix, expected)
        assert sum(b.num_sequences for b in encode_corpus(corpus, None)) == 2
        plain = bigram.count(Corpus.shards(path, vocab_size=10))
        np.testing.assert_array_equal(plain.matrix, table([np.array(tokens)], 10))


def test_documents_may_be_separated_by_an_id_outside_the_dtype(tmp_path) -> None:
    np.array([1, 2], "<u1").tofile(tmp_path / "a.bin")
    corpus = Corpus.shards(tmp_path / "a.bin", dtype="uint8", vocab_size=1000, eod_id=999)
    assert bigram.count(corpus).matrix[999, 1] == 1


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.bin", b"\1\0\2", "size = 3 bytes, wanted a multiple of 2; .* byte 2"),
        (
            "a.bin",
            llmc([1, 2], count=3),
            "size = 1028 bytes, wanted 1030: 3 tokens of uint16 from byte 1024",
        ),
        ("a.bin", llmc([1, 2])[:-1], "size = 1027 bytes, wanted 1028"),
        ("a.bin", llmc([1, 2], version=2), "byte 4: version = 2, wanted 1"),
        ("a.bin", llmc([1, 2], 20240801, 1), "byte 4: version = 1, wanted 7"),
        ("a.bin", llmc([1, 2], 20240521), "byte 0: magic number = 20240521"),
        ("a.bin", llmc([1, 2], count=-1), "byte 8: number of tokens = -1, wanted"),
        ("a.bin", llmc([1, 60]), r"token 1 \(byte 1026\) = 60 is outside \[0, 50\)"),
        ("a.bin", np.array([0, 0, 50], "<u2").tobytes(), r"token 2 \(byte 4\) = 50 is outside"),
        ("a.npy", b"abc", "byte 0: damaged"),
        ("a.npy", b"\x93NUMPY\1\0\x10\0{(             \n", "byte 0: damaged"),
        ("a.npy", b"\x93NUMPY\1\0\x10\0,              \n", "byte 0: damaged"),
    ],
)
def test_damaged_files_are_refused_with_the_byte(tmp_path, name, data, message) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"{name}: .*{message}|{name}: {message}"):
        bigram.count(Corpus.shards(tmp_path / name, vocab_size=50))


def test_an_id_outside_the_vocabulary_is_named_in_any_chunk(tmp_path, chunk) -> None:
    tokens = TOKENS.copy()
    tokens[700] = 300
    np.save(tmp_path / "a.npy", tokens)
    with pytest.raises(ValueError, match=r"token 700 \(byte 5728\) = 300 is outside \[0, 50\)"):
        bigram.count(Corpus.shards(tmp_path / "a.npy", vocab_size=50))
    tokens[700] = -1
    np.save(tmp_path / "a.npy", tokens)
    with pytest.raises(ValueError, match=r"token 700 .* = -1"):
        bigram.count(Corpus.shards(tmp_path / "a.npy", vocab_size=50))


def test_npy_files_of_other_arrays_are_refused(tmp_path) -> None:
    for array in (np.zeros(3), np.zeros((2, 2), np.int64), np.array([None])):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=r"a\.npy: contains"):
            bigram.count(Corpus.shards(tmp_path / "a.npy", vocab_size=5))


def test_an_empty_file_has_no_pairs_and_takes_a_tokenizer_of_its_size(tmp_path) -> None:
    (tmp_path / "a.bin").write_bytes(b"")
    corpus = Corpus.shards(tmp_path / "a.bin", vocab_size=256)
    assert bigram.count(corpus).total == 0
    assert bigram.count(corpus, ByteTokenizer()).tokenizer == ByteTokenizer()
    with pytest.raises(ValueError, match=r"tokenizer\.vocab_size = 2, wanted .*, 256"):
        bigram.count(corpus, CharTokenizer.from_symbols("ab"))


def test_bad_arguments_are_named(tmp_path) -> None:
    with pytest.raises(TypeError, match="float32"):
        Corpus.shards("a", dtype=np.float32, vocab_size=5)
    for bad in (0, -1, 2**31):
        with pytest.raises(ValueError, match="vocab_size"):
            Corpus.shards("a", vocab_size=bad)
    with pytest.raises(ValueError, match="eod_id = 5"):
        Corpus.shards("a", vocab_size=5, eod_id=5)
    np.save(tmp_path / "a.npy", np.zeros(3, np.int64))
    with pytest.raises(ValueError, match=r"dtype = uint16, but .*a\.npy contains int64"):
        bigram.count(Corpus.shards(tmp_path / "a.npy", dtype="uint16", vocab_size=5))
    with pytest.raises(FileNotFoundError):
        bigram.count(Corpus.shards(tmp_path / "none.bin", vocab_size=5))


@pytest.mark.parametrize("eod_id", [None, 3])
def test_mapped_files_give_the_same_tokens(tmp_path, chunk, eod_id) -> None:
    paths = [tmp_path / "a.bin", tmp_path / "b.npy"]
    tokens = np.arange(5000, dtype="<u2") % 7
    tokens.tofile(paths[0])
    np.save(paths[1], tokens[::-1])
    read, mapped = (
        list(Corpus.shards(paths, vocab_size=7, eod_id=eod_id, mmap=mmap).source.units())
        for mmap in (False, True)
    )
    assert len(read) == len(mapped)
    for one, other in zip(read, mapped, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert one[1:] == other[1:]


@pytest.mark.parametrize("suffix", ["bin", "npy"])
def test_a_file_that_is_shortened_while_it_is_read_is_an_error(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(shards, "CHUNK_TOKENS", 1 << 14)
    path = tmp_path / f"a.{suffix}"
    tokens = np.ones(1 << 16, dtype="<u2")
    tokens.tofile(path) if suffix == "bin" else np.save(path, tokens)
    units = Corpus.shards(path, vocab_size=2).source.units()
    assert int(next(units).tokens.sum()) == 1 << 14
    os.truncate(path, 1 << 16)
    with pytest.raises(ValueError, match=rf"a\.{suffix}: ends at byte 65536, wanted \d+ bytes: it"):
        list(units)


def test_tokens_that_are_checked_do_not_change_with_the_file(tmp_path) -> None:
    path = tmp_path / "a.bin"
    np.ones(4096, dtype="<u2").tofile(path)
    (unit,) = Corpus.shards(path, vocab_size=2).source.units()
    with path.open("r+b") as file:
        file.write(b"\xff" * 8192)
    assert (unit.tokens == 1).all()
    with pytest.raises(ValueError, match="= 65535 is outside"):
        bigram.count(Corpus.shards(path, vocab_size=2))
