"""The sum of two sparse count matrices: `add_counts`."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

threads = st.sampled_from([1, 2, 3, 7])


def random_counts(rng: np.random.Generator, shape: tuple[int, int], num_pairs: int) -> Any:
    keys = np.unique(rng.integers(0, shape[0] * shape[1], num_pairs))
    values = rng.choice([1, 2, 2**40], len(keys))
    return sp.csr_array((values, np.divmod(keys, shape[1])), shape=shape)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, 1), (1, 5000), (5000, 1), (3, 3), (40, 300), (3000, 3000)]),
    st.sampled_from([0, 1, 7, 500, 60_000]),
    st.sampled_from([0, 3, 60_000]),
    st.sampled_from([(np.int32, np.int32), (np.int64, np.int64), (np.int32, np.int64)]),
    threads,
)
def test_sums_equal_the_twin(seed, shape, size_a, size_b, dtypes, num_threads):
    rng = np.random.default_rng(seed)
    a, b = random_counts(rng, shape, size_a), random_counts(rng, shape, size_b)
    for matrix, dtype in zip((a, b), dtypes, strict=True):
        matrix.indices, matrix.indptr = matrix.indices.astype(dtype), matrix.indptr.astype(dtype)
    got, wanted = kernels.add_counts(a, b, num_threads=num_threads), reference.add_counts(a, b)
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(got, part), getattr(wanted, part))
    assert got.shape == shape
    assert got.indices.dtype == got.indptr.dtype
    assert got.dtype == np.int64


def test_strided_read_only_and_big_endian_arrays_are_added():
    matrix = random_counts(np.random.default_rng(0), (50, 60), 400)
    expected = 2 * matrix.toarray()
    strided = matrix.copy()
    strided.data = np.repeat(matrix.data, 2)[::2]
    strided.indices = matrix.indices.astype(">i4")
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.flags.writeable = False
    assert np.array_equal(kernels.add_counts(strided, matrix).toarray(), expected)


def test_other_matrices_are_refused():
    matrix = random_counts(np.random.default_rng(0), (5, 6), 9)
    twice = sp.csr_array((np.ones(2, int), [1, 1], [0, 2, 2, 2, 2, 2]), shape=(5, 6))
    for wrong, error, message in (
        (matrix.toarray(), TypeError, "b is ndarray, wanted a csr_array of int64"),
        (matrix.tocsc(), TypeError, "b is csc_array, wanted"),
        (matrix.astype(np.int32), TypeError, "int64"),
        (sp.csr_array((6, 5), dtype=np.int64), ValueError, r"shape \(5, 6\), b \(6, 5\)"),
        (twice, ValueError, "a pair twice"),
    ):
        with pytest.raises(error, match=message):
            kernels.add_counts(matrix, wrong)


def test_the_raw_extension_refuses_what_it_cannot_read():
    sound = (np.array([0, 1, 2]), np.array([0, 1]), np.array([5, 6]))
    starts, indices, counts = sound
    for wrong in (
        (starts[:2], indices, counts),
        (starts[:0], indices, counts),
        (np.array([0, 3, 2]), indices, counts),
        (np.array([1, 1, 2]), indices, counts),
        (np.array([0, 1, 3]), indices, counts),
        (starts, indices[:1], counts),
        (starts, indices, counts[:1]),
        (starts.astype(np.int32), indices, counts),
        (starts, indices.astype(np.int32), counts),
        (starts, indices, counts.astype(float)),
        (starts[::2], indices, counts),
        (starts, [0, 1], counts),
        (starts, indices),
        (),
        None,
    ):
        for a, b in ((wrong, sound), (sound, wrong)):
            with pytest.raises((ValueError, TypeError)):
                _core.add_counts(a, b, 1)
    # Indices address nothing: any values give some result.
    assert len(_core.add_counts(sound, (starts, np.array([-9, 2**40]), counts), 2)[1]) == 4
