"""Counts in SciPy's .npz files."""

from __future__ import annotations

import pathlib

import numpy as np
import scipy.sparse as sp

import bigram
from bigram import BigramCounts


def test_npz_goes_both_ways_with_scipy(tmp_path: pathlib.Path) -> None:
    counts = bigram.datasets.load_makemore_counts()
    counts.to_npz(tmp_path / "ours.npz")
    assert np.array_equal(sp.load_npz(tmp_path / "ours.npz").toarray(), counts.matrix)
    sp.save_npz(tmp_path / "theirs.npz", sp.coo_array(counts.matrix))
    assert np.array_equal(BigramCounts.from_npz(tmp_path / "theirs.npz").matrix, counts.matrix)
