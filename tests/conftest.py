"""What the tests share: the data files, sparse counts, small blocks, and hypothesis's settings."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, settings

from bigram.corpus import blocks, text_sources

settings.register_profile(
    "bigram",
    deadline=None,
    max_examples=int(os.environ.get("BIGRAM_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bigram")

ROOT = Path(__file__).resolve().parent.parent


def _data_file(name: str) -> Path:
    folder = Path(os.environ.get("BIGRAM_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / name).is_file():
        pytest.skip(f"{name} is not in {folder} (BIGRAM_DATA names the folder)")
    return folder / name


@pytest.fixture(scope="session")
def names_path() -> Path:
    """Return makemore's names.txt: 32,033 names."""
    return _data_file("names.txt")


@pytest.fixture(scope="session")
def shakespeare_path() -> Path:
    """Return tiny Shakespeare: 1,115,394 characters."""
    return _data_file("tinyshakespeare.txt")


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """Return the folder of golden figures that torch and KenLM wrote."""
    folder = Path(os.environ.get("BIGRAM_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder} (BIGRAM_REFERENCE names it)")
    return folder


@pytest.fixture(scope="session")
def zipf_counts() -> Callable[[int, int, int], Any]:
    """Return a function that draws pairs of ids by Zipf's law and counts them, a csr_array."""

    def counts(vocab_size: int, num_pairs: int, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        ids = np.minimum(rng.zipf(1.3, (2, num_pairs)) - 1, vocab_size - 1)
        ones = np.ones(num_pairs, np.int64)
        matrix = sp.coo_array((ones, tuple(ids)), shape=(vocab_size,) * 2).tocsr()
        matrix.sum_duplicates()
        return matrix

    return counts


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets the size of blocks; small ones have edges of every kind."""

    def set_size(size: int) -> None:
        monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
        monkeypatch.setattr(text_sources, "BLOCK_BYTES", size)
        monkeypatch.setattr(blocks, "_spare", [])

    return set_size
