"""What every kind of table does alike: ids it refuses, scores, pickles, samplers it keeps."""

import itertools
import pickle

import numpy as np
import pytest

from bigram.tables.conversion import from_arrays
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable
from bigram.tables.sampling_filter import SamplingFilter


@pytest.fixture(params=["dense", "backoff", "mixture"])
def table(request, random_backoff):
    """A table of nine symbols, of each kind."""
    backoff, dense = random_backoff(1, 9)
    if request.param == "mixture":
        return MixtureTable([backoff, DenseTable(dense)], [0.25, 0.75])
    return backoff if request.param == "backoff" else DenseTable(dense)


def test_no_contexts_give_no_rows(table):
    assert table.log_probs([]).shape == (0, 9)
    assert table.pair_log_probs([], []).shape == (0,)
    assert table.top_k([], 2)[0].shape == (0, 2)


def test_pairs_are_entries_of_the_rows(table):
    i, j = np.divmod(np.arange(81), 9)
    np.testing.assert_array_equal(table.pair_log_probs(i, j), table.log_probs(range(9)).ravel())


def test_the_score_of_a_sequence_is_the_sum_of_its_pairs(table):
    tokens = np.random.default_rng(0).integers(0, 9, 50).astype(np.uint16)
    offsets = np.array([0, 7, 7, 8, 30, 50])
    pairs = table.pair_log_probs(tokens[:-1], tokens[1:])
    wanted = [pairs[a : max(a, b - 1)].sum() for a, b in itertools.pairwise(offsets)]
    np.testing.assert_allclose(table.score_sequences(tokens, offsets), wanted, rtol=1e-12)
    np.testing.assert_allclose(table.score_sequences(tokens), [pairs.sum()], rtol=1e-12)


def test_ids_outside_the_vocabulary_are_named(table):
    with pytest.raises(ValueError, match=r"contexts\[1\] = 9 is outside \[0, 9\)"):
        table.log_probs([0, 9])
    with pytest.raises(ValueError, match=r"nexts\[0\] = -1 is outside \[0, 9\)"):
        table.pair_log_probs([0], [-1])
    with pytest.raises(ValueError, match="k = 0, wanted an integer >= 1"):
        table.top_k([0], 0)


def test_ids_of_another_shape_or_dtype_are_refused(table):
    with pytest.raises(ValueError, match=r"nexts has length 2. wanted .*1"):
        table.pair_log_probs([0], [0, 1])
    with pytest.raises(TypeError, match=r"contexts has dtype float64. wanted integers"):
        table.log_probs([0.5])
    with pytest.raises(ValueError, match="one dimension"):
        table.log_probs(0)


def test_a_pickle_is_the_same_table_without_what_was_cached(table):
    table.log_probs([0])
    table.pair_log_probs([0], [1])
    table.sample_sequences(np.array([0]), max_length=1)
    again = pickle.loads(pickle.dumps(table))
    assert set(again.__dict__) == set(table.__getstate__())
    assert len(again.__dict__) < len(table.__dict__)
    np.testing.assert_array_equal(again.log_probs([2]), table.log_probs([2]))


def test_a_table_equals_the_one_made_from_its_arrays(table):
    again = from_arrays(table.kind, table.arrays())
    assert type(again) is type(table)
    np.testing.assert_array_equal(again.log_probs(range(9)), table.log_probs(range(9)))


def test_the_samplers_of_the_last_two_settings_are_kept(table):
    def draw(**setting):
        drawn, _ = table.sample_sequences(np.arange(9), max_length=9, seed=1, **setting)
        return drawn, table.__dict__["_samplers"][SamplingFilter(**setting)]

    drawn, sampler = draw(top_k=3)
    plain, _ = draw()
    again, kept = draw(top_k=3)
    assert kept is sampler
    np.testing.assert_array_equal(again, drawn)
    draw(top_k=4)
    again, prepared = draw(top_k=3)
    assert prepared is not sampler
    np.testing.assert_array_equal(again, drawn)
    np.testing.assert_array_equal(draw()[0], plain)
    assert len(table.__dict__["_samplers"]) == 2
