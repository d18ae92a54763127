"""The mass that a base leaves, and the backoff that makes rows sum to one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bigram.tables.backoff_weights import backoff_weights, unseen_mass


@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from([0.2, 0.9, 1.0]))
def test_the_mass_left_is_the_sum_over_what_is_not_stored(random_backoff, seed, size, density):
    table, _ = random_backoff(seed, size, density)
    stored = np.zeros((size, size), bool)
    stored[np.repeat(np.arange(size), np.diff(table.indptr)), table.indices] = True
    wanted = np.where(stored, 0.0, table.base).sum(axis=1)
    found = unseen_mass(table.indptr, table.indices, table.base)
    np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=0.0)


def test_a_little_mass_keeps_its_digits():
    base = np.array([1.0, 1e-20])
    found = unseen_mass(np.array([0, 1, 1]), np.array([0]), base)
    np.testing.assert_array_equal(found, [1e-20, 1.0])


def test_rows_sum_to_one_with_the_backoff_found(random_backoff):
    table, _ = random_backoff(5, 9)
    probs = 0.5 * table.probs
    backoff = backoff_weights(table.indptr, table.indices, probs, table.base)
    stored = np.bincount(np.repeat(np.arange(9), np.diff(table.indptr)), probs, minlength=9)
    unseen = unseen_mass(table.indptr, table.indices, table.base)
    np.testing.assert_allclose(stored + backoff * unseen, 1.0, rtol=1e-14)


def test_a_row_that_is_full_has_no_backoff():
    indptr, indices, base = np.array([0, 2, 3]), np.array([0, 1, 0]), np.array([1.0, 0.0])
    found = backoff_weights(indptr, indices, np.array([0.5, 0.5, 0.25]), base)
    np.testing.assert_array_equal(found, 0.0)  # the second because its base has no mass left
