"""What the tests of tables share: random tables whose dense form is known."""

import numpy as np
import pytest

from bigram.tables.backoff import BackoffTable


@pytest.fixture(scope="session")
def random_backoff():
    """Return a function that makes a table of random pairs, and its rows.

    Rows sum to one: counts are discounted and interpolated with a base.
    """

    def make(seed, size, density=0.4):
        rng = np.random.default_rng(seed)
        seen = rng.random((size, size)) < density
        counts = np.where(seen, rng.integers(1, 5, (size, size)), 0)
        base = rng.dirichlet(np.ones(size))
        total = counts.sum(axis=1, keepdims=True)
        kept = np.divide(counts - 0.5 * seen, total, out=np.zeros((size, size)), where=total > 0)
        backoff = 1.0 - kept.sum(axis=1)
        dense = kept + backoff[:, None] * base
        indptr = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
        table = BackoffTable(indptr, np.nonzero(seen)[1], dense[seen], backoff, base)
        return table, dense

    return make
