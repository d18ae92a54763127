"""What the tests of smoothing share: counts as smoothing sees them, by hand and at random."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse


def _counts_of(matrix, last_new_id=None):
    return SimpleNamespace(matrix=matrix, tokenizer=SimpleNamespace(last_new_id=last_new_id))


@pytest.fixture(scope="session")
def dense_counts():
    """Return a function that makes dense counts, of a tokenizer that may know its last new word."""

    def make(matrix, last_new_id=None):
        return _counts_of(np.asarray(matrix, np.int64), last_new_id)

    return make


@pytest.fixture(scope="session")
def sparse_counts():
    """Return a function that makes sparse counts, of an array or of a CSR matrix as it is."""

    def make(matrix, last_new_id=None):
        if not isinstance(matrix, scipy.sparse.csr_array):
            matrix = scipy.sparse.csr_array(np.asarray(matrix, np.int64))
        return _counts_of(matrix, last_new_id)

    return make


@pytest.fixture(scope="session")
def random_matrix():
    """Return a function that draws counts by Zipf's law, up to `high`, in some of the cells."""

    def make(seed, size, density, high):
        rng = np.random.default_rng(seed)
        zipf = np.minimum(rng.zipf(1.5, (size, size)), high)
        return np.where(rng.random((size, size)) < density, zipf, 0)

    return make
