"""A corpus as batches of tokens: every pair once, and errors that say where."""

import numpy as np
import pytest

from bigram.corpus.corpus import Corpus
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.encoding import encode_corpus
from bigram.tokenizers.errors import UnknownSymbolError


def write(path, data: bytes):
    path.write_bytes(data)
    return path


def rebuilt(batches, boundary: int | None) -> list[list[int]]:
    """Put the sequences of batches together again, checking where each continues."""
    result: list[list[int]] = []
    for batch in batches:
        assert batch.offsets.dtype == np.int64
        assert batch.offsets[0] == 0
        assert batch.offsets[-1] == len(batch.tokens)
        parts = [
            batch.tokens[a:b].tolist()
            for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)
        ]
        going_on = len(parts) - batch.num_sequences
        assert going_on in (0, 1)
        if going_on:
            first = parts.pop(0)
            assert result[-1][-1:] == first[:1]
            result[-1] += first[1:]
        result += parts
    return result


@pytest.mark.parametrize("size", [4, 5, 7, 11, 1 << 20])
@pytest.mark.parametrize("kind", ["lines", "text", "list"])
@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer.from_symbols("abcdé日\n\r ", boundary="."),
        CharTokenizer.from_symbols("abcdé日", unknown="<unk>"),
        ByteTokenizer(),
        ByteTokenizer("."),
    ],
)
def test_batches_contain_every_pair_once(tmp_path, small_blocks, size, kind, tokenizer) -> None:
    small_blocks(size)
    text = "ab\n\nabcdabcdabcd\né日\nabcdé日abcdé日abcd\r\na\n"
    path = write(tmp_path / "a.txt", text.encode())
    if kind == "list":
        corpus, texts = text.split("\n"), text.split("\n")
    else:
        corpus = getattr(Corpus, kind)([path, path])
        texts = list(corpus)
    b = tokenizer.boundary_id
    ends = [] if b is None else [b]
    batches = list(encode_corpus(corpus, tokenizer))
    expected = [ends + tokenizer.encode(t).tolist() + ends for t in texts]
    assert rebuilt(batches, b) == expected
    assert sum(batch.num_sequences for batch in batches) == len(texts)
    assert sum(batch.num_bytes for batch in batches) == sum(len(t.encode()) for t in texts)
    unknown = tokenizer.unknown_id
    assert sum(batch.num_unknown for batch in batches) == sum(
        part.count(unknown) for part in expected
    )


def test_errors_in_files_say_where(tmp_path, small_blocks) -> None:
    tokenizer = CharTokenizer.from_texts(["abc"])
    first = write(tmp_path / "1.txt", b"abc\nabc\n")
    second = write(tmp_path / "2.txt", b"ab\n" * 5 + b"abcabcabcabcabc-\n")
    for size in (1 << 20, 5):
        small_blocks(size)
        with pytest.raises(UnknownSymbolError, match=r"2\.txt: line 6 has '-'") as caught:
            list(encode_corpus(Corpus.lines([first, second]), tokenizer))
        assert (caught.value.text_index, caught.value.position) == (7, 15)
    with pytest.raises(UnknownSymbolError, match=r"texts\[300\] has '-'"):
        list(encode_corpus(["abc"] * 300 + ["-"], tokenizer))
    second.write_bytes(b"a\nb.\n")
    with pytest.raises(ValueError, match=r"2\.txt: line 2 .* boundary symbol '\.' at position 1"):
        list(encode_corpus(Corpus.lines(second), tokenizer))


def test_iterables_are_read_once_and_lazily() -> None:
    def texts():
        for i in range(100_000):
            taken.append(i)
            yield "ab"

    taken: list[int] = []
    batches = encode_corpus(texts(), CharTokenizer.from_texts(["ab"]))
    started = next(batches).num_sequences
    assert len(taken) < 1000
    assert started + sum(batch.num_sequences for batch in batches) == 100_000
