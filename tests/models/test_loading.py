"""`bigram.load`: the class that a file holds, and files that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram

TEXTS = ["emma", "ava"]


@pytest.mark.parametrize(
    "thing",
    [
        bigram.count(TEXTS),
        bigram.CountModel(bigram.WittenBell()).fit(TEXTS),
        bigram.CountModel.from_table(bigram.DenseTable(np.eye(3))),
        bigram.NeuralModel(bigram.CharTokenizer.from_texts(TEXTS), seed=1),
    ],
    ids=["counts", "count model", "table", "neural model"],
)
def test_a_file_is_loaded_as_what_was_saved(thing: Any, tmp_path: Path) -> None:
    thing.save(tmp_path / "file")
    loaded = bigram.load(tmp_path / "file")
    assert type(loaded) is type(thing)
    assert repr(loaded) == repr(thing)
    if isinstance(thing, bigram.BigramCounts):
        np.testing.assert_array_equal(loaded.matrix, thing.matrix)
    else:
        np.testing.assert_array_equal(loaded.probs(), thing.probs())


def test_a_checkpoint_of_training_is_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    counts = np.ones((3, 3), np.int64)
    options: dict[str, Any] = {"steps": 2, "learning_rate": 0.1}
    bigram.NeuralModel(3, seed=0).fit(counts, checkpoint=path, checkpoint_every=2, **options)
    with pytest.raises(ValueError, match="training_checkpoint"):
        bigram.load(path)


def test_files_that_are_missing_or_foreign_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bigram.load(tmp_path / "missing")
    (tmp_path / "foreign").write_bytes(b"PK\x03\x04 not ours")
    with pytest.raises(ValueError, match="foreign: not a bigram file"):
        bigram.load(tmp_path / "foreign")
