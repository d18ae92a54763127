"""CSR matrices put together from their three arrays."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from bigram.common.csr import (
    check_arrays,
    check_indices,
    check_starts,
    has_sorted_rows,
    index_dtype,
    make_csr,
)


def test_a_matrix_holds_the_very_arrays_it_was_made_of():
    counts, indices, indptr = np.array([5, 6]), np.array([0, 2]), np.array([0, 1, 2])
    matrix = make_csr(counts, indices, indptr, 3)
    assert matrix.data is counts
    assert matrix.indices is indices
    assert matrix.indptr is indptr


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (4, 3), (2, 70_000), (0, 5)])
def test_it_is_what_the_constructor_makes(shape, dtype):
    rng = np.random.default_rng(0)
    expected = sp.random_array(shape, density=0.2, format="csr", rng=rng, dtype=np.int64)
    expected.sort_indices()
    indices, indptr = expected.indices.astype(dtype), expected.indptr.astype(dtype)
    matrix = make_csr(expected.data, indices, indptr, shape[1])
    assert type(matrix) is sp.csr_array
    assert (matrix.shape, matrix.nnz, matrix.dtype) == (shape, expected.nnz, np.int64)
    assert matrix.has_sorted_indices
    assert matrix.has_canonical_format
    matrix.check_format(full_check=True)
    assert (matrix != expected).nnz == 0
    assert np.array_equal((matrix + matrix.copy()).toarray(), 2 * expected.toarray())
    assert np.array_equal(matrix.T.toarray(), expected.toarray().T)


def test_matrices_of_one_shape_share_nothing():
    first = make_csr(np.array([1]), np.array([0]), np.array([0, 1, 1]), 2)
    second = make_csr(np.array([2]), np.array([1]), np.array([0, 0, 1]), 2)
    second.has_sorted_indices = False
    assert first.has_sorted_indices
    assert first.toarray().tolist() == [[1, 0], [0, 0]]
    assert second.toarray().tolist() == [[0, 0], [0, 2]]


def test_indices_are_int32_as_long_as_the_number_of_pairs_fits():
    assert index_dtype(2**31 - 1) == np.int32
    assert index_dtype(2**31) == np.int64


def test_row_starts_that_do_not_ascend_to_the_number_of_pairs_are_refused():
    check_starts(np.array([0, 2, 2, 5]), 5)
    for starts in ([0, 5, 0], [1, 5, 5], [0, 3, 2, 5], [0, -1, 5]):
        with pytest.raises(ValueError, match="indptr"):
            check_starts(np.array(starts), 5)


@pytest.mark.parametrize("size", [1, 2, 65_535, 65_536, 65_537, 200_000])
def test_order_is_checked_within_rows_only_and_everywhere(size):
    rng = np.random.default_rng(size)
    indptr = np.unique([0, *rng.integers(0, size + 1, 1 + size // 10), size])
    indices = np.concatenate([np.arange(b - a) for a, b in itertools.pairwise(indptr)])
    assert has_sorted_rows(indptr, indices)
    inside = np.flatnonzero(indices > 0)
    for at in [*rng.choice(inside, 3), *inside[:1], *inside[-1:]] if len(inside) else []:
        broken = indices.copy()
        broken[at] = broken[at - 1]  # a pair twice
        assert not has_sorted_rows(indptr, broken)


def test_an_index_outside_is_named():
    indices = np.zeros(70_000, np.int32)
    check_indices(indices, 1)
    for wrong in (-1, 7):
        indices[-1] = wrong
        with pytest.raises(ValueError, match=f"indices hold {wrong}, .* \\[0, 7\\)"):
            check_indices(indices, 7)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint32, np.float64])
def test_indices_of_other_dtypes_than_int32_and_int64_are_refused(dtype):
    for indptr, indices in (([0, 1], np.zeros(1, dtype)), (np.array([0, 1], dtype), [0])):
        with pytest.raises(ValueError, match="wanted int32 or int64"):
            check_arrays(np.asarray(indptr), np.asarray(indices), 1, 1)
