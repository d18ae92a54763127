"""Sparse counts as sums, and what a sound sparse matrix is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bigram.counts import rows as sparse
from bigram.counts.matrix import check_sparse
from bigram.counts.rows import SparseRows, add_sparse, merged_blocks
from bigram.counts.running_sum import RunningSum

TABLES = st.integers(1, 7).flatmap(
    lambda v: st.lists(
        hnp.arrays(np.int64, (v, v), elements=st.sampled_from([0, 0, 0, 1, 2, 10**12])),
        min_size=1,
        max_size=6,
    )
)


@given(TABLES, st.integers(1, 9))
def test_merged_blocks_add_up_to_the_sum(tables: list[Any], pairs_per_block: int) -> None:
    total = sum(tables)
    size = len(tables[0])
    sources = []
    for index, table in enumerate(tables):
        matrix = sp.csr_array(table)
        if index % 2:
            sources.append(sparse.DenseRows(size, table))
        else:
            sources.append(SparseRows(size, matrix.indptr, matrix.indices, matrix.data))
    blocks = list(merged_blocks(sources, pairs_per_block))
    assert np.array_equal(np.vstack([block.toarray() for block in blocks]), total)
    whole = sparse.assemble(iter(blocks), size, sum(b.nnz for b in blocks))
    check_sparse(whole.indptr, whole.indices, whole.data, size)
    assert np.array_equal(whole.toarray(), total)


@given(TABLES)
def test_a_running_sum_equals_the_sum(tables: list[Any]) -> None:
    running = RunningSum()
    for table in tables:
        running.add(sp.csr_array(table))
    assert np.array_equal(running.total().toarray(), sum(tables))


def test_large_matrices_are_added_by_blocks(
    monkeypatch: pytest.MonkeyPatch, zipf_counts: Any
) -> None:
    parts = [zipf_counts(5000, 20_000, seed) for seed in range(3)]
    expected = parts[0] + parts[1] + parts[2]
    monkeypatch.setattr(sparse, "PAIRS_PER_BLOCK", 1000)
    total = add_sparse(parts)
    check_sparse(total.indptr, total.indices, total.data, 5000)
    assert total.shape == expected.shape
    assert (total != expected).nnz == 0


@pytest.mark.parametrize(
    ("indptr", "indices", "message"),
    [
        ([0, 1], [0], "shape"),
        ([0, 1, 3], [0, 0], "0 to 2"),
        ([0, 3, 2, 2], [0, 1], "indptr decreases"),
        ([0, 1, 2], [0, 2], "outside"),
        ([0, 2, 2], [1, 0], "increase"),
        ([0, 2, 2], [0, 0], "increase"),
    ],
)
def test_unsound_matrices_are_refused(indptr: list[int], indices: list[int], message: str) -> None:
    arrays = np.array(indptr), np.array(indices), np.ones(len(indices), np.int64)
    with pytest.raises(ValueError, match=message):
        check_sparse(*arrays, 3 if len(indptr) == 4 else 2)


@pytest.mark.parametrize("number", [1, 3])
def test_every_pair_has_one_count(number: int) -> None:
    arrays = np.array([0, 1, 2]), np.array([0, 1]), np.ones(number, np.int64)
    with pytest.raises(ValueError, match=rf"wanted \({number},\)"):
        check_sparse(*arrays, 2)


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_check_sparse_refuses_other_shapes_and_dtypes(wrong: int) -> None:
    arrays: list[Any] = [np.array([0, 1, 2]), np.array([0, 1]), np.ones(2, np.int64)]
    for other, message in ((np.float64, "dtype"), ("shape", "shape")):
        some = list(arrays)
        some[wrong] = some[wrong][None] if other == "shape" else some[wrong].astype(other)
        with pytest.raises(ValueError, match=message):
            check_sparse(*some, 2)
