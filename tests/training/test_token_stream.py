"""The token stream: from arrays and from corpora, split and counted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import CharTokenizer
from bigram.training.token_stream import TokenStream

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


def test_neighbouring_texts_share_one_boundary() -> None:
    tokenizer = CharTokenizer.from_texts(["ab", "b"])
    stream = TokenStream.from_corpus(["ab", "", "b"], tokenizer)
    assert stream.offsets is None
    assert stream.tokens.tolist() == [0, 1, 2, 0, 0, 2, 0]


def test_the_stream_of_a_file_is_that_of_its_texts(tmp_path: Path) -> None:
    texts = ["".join(random.Random(i).choices("abc", k=i % 100)) for i in range(24_000)]
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts) + "\n")  # more than one block of a file
    tokenizer = CharTokenizer.from_texts(["abc"])
    from_file = TokenStream.from_corpus(bigram.Corpus.lines(path), tokenizer)
    whole = np.concatenate([[0], *([*tokenizer.encode(text), 0] for text in texts)])
    np.testing.assert_array_equal(from_file.tokens, whole)
    plain = CharTokenizer.from_texts(["abc\n"], boundary=None)
    running = TokenStream.from_corpus(bigram.Corpus.text(path), plain)
    np.testing.assert_array_equal(running.tokens, plain.encode(path.read_text()))
    assert running.offsets is None
    several = TokenStream.from_corpus(["abc", "", "ca"], plain)
    assert several.offsets is not None
    assert several.offsets.tolist() == [0, 3, 3, 5]


def test_a_text_without_boundaries_that_is_split_between_batches_stays_one_sequence(
    tmp_path: Path,
) -> None:
    text = "".join(random.Random(0).choices("abc", k=3_000_000))  # several blocks of a file
    (tmp_path / "text.txt").write_text(text)
    tokenizer = CharTokenizer.from_texts(["abc"], boundary=None)
    stream = TokenStream.from_corpus(bigram.Corpus.text(tmp_path / "text.txt"), tokenizer)
    assert stream.offsets is None
    np.testing.assert_array_equal(stream.tokens, tokenizer.encode(text))


@pytest.mark.parametrize("offsets", [None, np.array([0, 300, 300, 1999, 2000])])
def test_a_split_keeps_the_tokens_and_loses_only_the_pair_at_the_cut(offsets: Any) -> None:
    whole = TokenStream(TOKENS, offsets)
    first, last = whole.split(0.25)
    np.testing.assert_array_equal(np.concatenate([first.tokens, last.tokens]), TOKENS)
    assert len(first.tokens) == 1500
    counts = [part.counts(5).matrix for part in (first, last)]
    expected = whole.counts(5).matrix.copy()
    expected[TOKENS[1499], TOKENS[1500]] -= 1
    np.testing.assert_array_equal(counts[0] + counts[1], expected)
    for part in (first, last):
        if part.offsets is not None:
            assert part.offsets[0] == 0
            assert part.offsets[-1] == len(part.tokens)


def test_tokens_outside_the_offsets_do_not_count() -> None:
    stream = TokenStream.from_arrays((np.array([9, 1, 2, 9]), np.array([1, 2, 3])))
    assert stream.tokens.tolist() == [1, 2]
    assert stream.offsets is not None
    assert stream.offsets.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("offsets", "kind", "message"),
    [
        (np.array([0, 3000]), ValueError, r"wanted ascending positions in \[0, 2000\]"),
        (np.array([0, 30, 20, 2000]), ValueError, "wanted ascending positions"),
        (np.array([-1, 2000]), ValueError, "wanted ascending positions"),
        (np.array([0.0, 2000.0]), TypeError, "dtype float64, wanted a 1-D array of int64"),
        (np.empty(0, np.int64), TypeError, r"offsets has shape \(0,\)"),
        (np.array([[0, 2000]]), TypeError, r"offsets has shape \(1, 2\)"),
    ],
)
def test_bad_offsets_are_named(offsets: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        TokenStream.from_arrays((TOKENS, offsets))
