"""Tables with a backoff: they answer as their dense form, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram.tables.backoff import BackoffTable
from bigram.tables.dense import DenseTable
from bigram.tables.sampling_filter import SamplingFilter


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_a_table_with_a_backoff_equals_its_dense_form(random_backoff, seed, size):
    table, dense = random_backoff(seed, size)
    everyone = np.arange(size, dtype=np.uint8)
    np.testing.assert_allclose(np.exp(table.log_probs(everyone)), dense, rtol=1e-13)
    np.testing.assert_array_equal(table.to_dense().probs[dense == 0], 0.0)
    np.testing.assert_allclose(table.to_dense().probs, dense, rtol=1e-13)
    np.testing.assert_allclose(table.row_mass(), dense.sum(axis=1), rtol=1e-13)
    rows, columns = np.divmod(np.arange(size * size), size)
    np.testing.assert_array_equal(
        table.pair_log_probs(rows, columns), table.log_probs(everyone).ravel()
    )


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_top_k_sorts_the_rows_without_building_them(random_backoff, seed, size):
    table, _ = random_backoff(seed, size)
    everyone = np.arange(size)
    rows = table.log_probs(everyone)
    for k in {1, size // 2 + 1, size}:
        ids, values = table.top_k(everyone, k)
        np.testing.assert_array_equal(values, np.take_along_axis(rows, ids, axis=1))
        order = np.argsort(-rows, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(ids, order)


def test_top_k_orders_stored_pairs_by_probability_then_id():
    stored = [0.2, 0.3, 0.3, 0.2, 0.0, 0.0, 0.0, 1.0, *[0.25] * 4, 0.4, 0.1, 0.4, 0.1]
    table = BackoffTable(
        np.arange(0, 17, 4),
        np.tile(np.arange(4), 4),
        np.array(stored),
        np.zeros(4),
        np.full(4, 0.25),
    )
    ids, values = table.top_k([0, 2, 3], 3)
    np.testing.assert_array_equal(ids, [[1, 2, 0], [0, 1, 2], [0, 2, 1]])
    np.testing.assert_array_equal(values, np.log([[0.3, 0.3, 0.2], [0.25] * 3, [0.4, 0.4, 0.1]]))
    assert table.top_k([1], 99)[0].tolist() == [[3, 0, 1, 2]]


def test_pairs_that_are_not_selected_are_left_to_the_backoff(random_backoff):
    table, dense = random_backoff(3, 8)
    keep = np.random.default_rng(0).random(table.num_pairs) < 0.5
    small = table.select(keep)
    rows = np.repeat(np.arange(8), np.diff(table.indptr))
    wanted = table.backoff[:, None] * table.base
    wanted[rows[keep], table.indices[keep]] = dense[rows[keep], table.indices[keep]]
    assert small.num_pairs == keep.sum()
    np.testing.assert_allclose(np.exp(small.log_probs(range(8))), wanted, rtol=1e-13)


SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 3.0},
    {"temperature": 0.01},
    {"top_k": 4},
    {"top_p": 0.7, "temperature": 2.0},
    {"top_k": 5, "top_p": 0.9, "temperature": 0.7},
]


@pytest.mark.parametrize("interpolated", [True, False])
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_samples_are_in_proportion_to_the_filtered_rows(random_backoff, interpolated, setting):
    """Also where stored pairs lie below their backoff, as after pruning or in a foreign file."""
    table, dense = random_backoff(4, 12, density=0.7)
    if not interpolated:
        low = table.probs / 50
        table = BackoffTable(table.indptr, table.indices, low, table.backoff, table.base)
        dense = table.to_dense().probs
    with np.errstate(divide="ignore"):
        wanted = SamplingFilter(**setting).weights(np.log(dense))
    wanted /= wanted.sum(axis=1, keepdims=True)
    starts = np.repeat(np.arange(12), 20_000)
    for one in (table, DenseTable(dense)):
        tokens, _ = one.sample_sequences(starts, max_length=1, seed=5, **setting)
        assert tokens.dtype == np.uint8
        drawn = np.bincount(starts * 12 + tokens, minlength=144).reshape(12, 12)
        assert not drawn[wanted == 0].any()
        np.testing.assert_allclose(drawn / 20_000, wanted, atol=0.018)  # five deviations


GOOD = {
    "indptr": np.array([0, 2, 2]),
    "indices": np.array([0, 1]),
    "probs": np.array([0.5, 0.5]),
    "backoff": np.array([0.0, 1.0]),
    "base": np.array([0.5, 0.5]),
}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"indptr": np.array([0, 1])}, ValueError, "indptr has length 2, wanted 3"),
        ({"indptr": np.array([0, 3, 2])}, ValueError, "indptr does not ascend from 0 to 2"),
        ({"indices": np.array([0, 2])}, ValueError, r"indices\[1\] = 2 is outside \[0, 2\)"),
        ({"indices": np.array([1, 1])}, ValueError, r"indices\[1\] = 1, wanted more than .*, 1"),
        ({"indices": np.array([0.0, 1.0])}, TypeError, "indices has dtype float64, wanted"),
        ({"probs": np.array([0.5, np.inf])}, ValueError, r"probs\[1\] = inf, wanted a finite"),
        ({"probs": [0.5, 0.5]}, TypeError, "probs is list, wanted an array of floats"),
        ({"backoff": np.array([0.5, -1.0])}, ValueError, r"backoff\[1\] = -1.0, wanted a finite"),
        ({"base": np.ones((2, 1))}, ValueError, "one dimension"),
        ({"base": np.ones(0)}, ValueError, "base is empty"),
    ],
)
def test_arrays_that_do_not_make_a_table_are_refused(change, error, message):
    BackoffTable(**GOOD)
    with pytest.raises(error, match=message):
        BackoffTable(**{**GOOD, **change})


def test_from_arrays_wants_the_names_of_the_parameters():
    with pytest.raises(ValueError, match=r"wanted .*'indptr'.* for a table with backoff"):
        BackoffTable.from_arrays({**GOOD, "more": np.ones(1)})
    with pytest.raises(ValueError, match="probs has dtype int64, wanted"):
        BackoffTable.from_arrays({**GOOD, "probs": np.ones(2, np.int64)})
