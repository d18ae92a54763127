"""Counts that several tests read and write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bigram
from bigram import BigramCounts


@pytest.fixture
def samples(zipf_counts: Any) -> list[BigramCounts]:
    tokenizer = bigram.CharTokenizer.from_texts(['\t\n\\"ä\r#\u2028 0'], boundary=".")
    size = tokenizer.vocab_size
    table = np.random.default_rng(0).integers(0, 3, (size, size))
    return [
        BigramCounts(table, tokenizer),
        BigramCounts(np.zeros((3, 3), np.int64)),
        BigramCounts(zipf_counts(5000, 3000, 1)),
        bigram.datasets.load_makemore_counts(),
    ]
