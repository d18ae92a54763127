"""CSR matrices put together from their three arrays."""

import numpy as np
import pytest
import scipy.sparse as sp

from bigram.common.csr import index_dtype, make_csr


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
