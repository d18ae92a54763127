"""Tables: rows, pairs, best successors, and what they refuse."""

import itertools
import pickle

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram.tables.backoff import BackoffTable
from bigram.tables.conversion import from_arrays
from bigram.tables.dense import DenseTable
from bigram.tables.sampling_filter import SamplingFilter


def random_backoff(seed, size, density=0.4):
    """A table of random pairs whose rows sum to one: discounted, interpolated with a base."""
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


TWO = np.array([[0.25, 0.75], [0.0, 1.0]])


def test_dense_rows_and_pairs():
    table = DenseTable(TWO)
    assert table.vocab_size == 2
    np.testing.assert_array_equal(table.log_probs([1, 0]), [[-np.inf, 0.0], np.log(TWO[0])])
    np.testing.assert_array_equal(table.pair_log_probs([0, 1], [1, 0]), [np.log(0.75), -np.inf])
    assert table.log_probs([]).shape == (0, 2)
    assert table.pair_log_probs([], []).shape == (0,)


@pytest.mark.parametrize("make", [lambda t, d: t, lambda t, d: DenseTable(d)])
def test_top_k_orders_by_probability_then_id(make):
    dense = np.array([[0.2, 0.3, 0.3, 0.2], [0.0, 0.0, 0.0, 1.0], [0.25] * 4, [0.4, 0.1, 0.4, 0.1]])
    stored = dense.ravel()
    backoff = BackoffTable(
        np.arange(0, 17, 4), np.tile(np.arange(4), 4), stored, np.zeros(4), np.full(4, 0.25)
    )
    table = make(backoff, dense)
    ids, values = table.top_k([0, 2, 3], 3)
    np.testing.assert_array_equal(ids, [[1, 2, 0], [0, 1, 2], [0, 2, 1]])
    np.testing.assert_array_equal(values, np.log([[0.3, 0.3, 0.2], [0.25] * 3, [0.4, 0.4, 0.1]]))
    assert table.top_k([1], 99)[0].tolist() == [[3, 0, 1, 2]]


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_backoff_equals_its_dense_form(seed, size):
    table, dense = random_backoff(seed, size)
    everyone = np.arange(size, dtype=np.uint8)
    np.testing.assert_allclose(np.exp(table.log_probs(everyone)), dense, rtol=1e-13)
    np.testing.assert_array_equal(table.to_dense().probs[dense == 0], 0.0)
    np.testing.assert_allclose(table.to_dense().probs, dense, rtol=1e-13)
    rows, columns = np.divmod(np.arange(size * size), size)
    np.testing.assert_array_equal(
        table.pair_log_probs(rows, columns), table.log_probs(everyone).ravel()
    )
    for k in {1, size // 2 + 1, size}:
        ids, values = table.top_k(everyone, k)
        np.testing.assert_array_equal(
            values, np.take_along_axis(table.log_probs(everyone), ids, axis=1)
        )
        order = np.argsort(-table.log_probs(everyone), axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(ids, order)


def test_tables_pickle_without_what_they_cached():
    table, dense = random_backoff(1, 5)
    table.pair_log_probs([0], [1])
    for one in (table, DenseTable(dense)):
        one.log_probs([0])
        again = pickle.loads(pickle.dumps(one))
        assert set(again.__dict__) == set(one.arrays())
        np.testing.assert_array_equal(again.log_probs([2]), one.log_probs([2]))
        restored = from_arrays(one.kind, one.arrays())
        np.testing.assert_array_equal(restored.log_probs([2]), one.log_probs([2]))


@pytest.mark.parametrize(
    ("probs", "error", "message"),
    [
        ([[1.0]], TypeError, "probs must be an array of float64, not list"),
        (np.eye(2, dtype=np.float32), TypeError, "not float32"),
        (np.ones((2, 3)), ValueError, r"probs has shape \(2, 3\); wanted \(V, V\)"),
        (np.ones((0, 0)), ValueError, "at least 1"),
        (np.array([[1.0, -0.5], [0, 1]]), ValueError, r"probs\[0, 1\] = -0.5 must be finite"),
        (np.array([[1.0, 0.5], [np.nan, 1]]), ValueError, r"probs\[1, 0\] = nan must be finite"),
    ],
)
def test_dense_refuses(probs, error, message):
    with pytest.raises(error, match=message):
        DenseTable(probs)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"indptr": np.array([0, 1])}, ValueError, "indptr has length 2; wanted 3"),
        ({"indptr": np.array([0, 3, 2])}, ValueError, "indptr must rise from 0"),
        ({"indices": np.array([0, 2])}, ValueError, r"indices\[1\] = 2 is outside \[0, 2\)"),
        ({"indices": np.array([1, 1])}, ValueError, r"indices\[1\] = 1 is not above"),
        ({"indices": np.array([0.0, 1.0])}, TypeError, "indices must be an array of integers"),
        ({"probs": np.array([0.5, np.inf])}, ValueError, r"probs\[1\] = inf must be finite"),
        ({"probs": [0.5, 0.5]}, TypeError, "probs must be an array of floats, not list"),
        ({"backoff": np.array([0.5, -1.0])}, ValueError, r"backoff\[1\] = -1.0 must be finite"),
        ({"base": np.ones((2, 1))}, ValueError, "one dimension"),
        ({"base": np.ones(0)}, ValueError, "base is empty"),
    ],
)
def test_backoff_refuses(change, error, message):
    good = {
        "indptr": np.array([0, 2, 2]),
        "indices": np.array([0, 1]),
        "probs": np.array([0.5, 0.5]),
        "backoff": np.array([0.0, 1.0]),
        "base": np.array([0.5, 0.5]),
    }
    BackoffTable(**good)
    with pytest.raises(error, match=message):
        BackoffTable(**{**good, **change})
    with pytest.raises(ValueError):
        from_arrays("backoff", {**good, "more": np.ones(1)})


@pytest.mark.parametrize("table", [DenseTable(TWO), random_backoff(0, 2)[0]])
def test_ids_outside_the_vocabulary(table):
    with pytest.raises(ValueError, match=r"contexts\[1\] = 2 is outside \[0, 2\)"):
        table.log_probs([0, 2])
    with pytest.raises(ValueError, match=r"nexts\[0\] = -1 is outside \[0, 2\)"):
        table.pair_log_probs([0], [-1])
    with pytest.raises(ValueError, match="nexts has length 2; wanted that of contexts, 1"):
        table.pair_log_probs([0], [0, 1])
    with pytest.raises(TypeError, match="contexts has dtype float64; wanted integers"):
        table.log_probs([0.5])
    with pytest.raises(ValueError, match="one dimension"):
        table.log_probs(0)
    with pytest.raises(ValueError, match=r"k = 0 is outside"):
        table.top_k([0], 0)


def test_filters_apply_in_order():
    log_probs = np.log(np.array([[0.4, 0.1, 0.4, 0.1], [0.7, 0.1, 0.1, 0.1]]))
    np.testing.assert_allclose(
        SamplingFilter(temperature=0.5).weights(log_probs)[0], [1, 1 / 16, 1, 1 / 16]
    )
    kept = SamplingFilter(top_k=3).weights(log_probs) > 0  # ties from the lower id on
    np.testing.assert_array_equal(kept, [[1, 1, 1, 0], [1, 1, 1, 0]])
    kept = SamplingFilter(top_p=0.75).weights(log_probs) > 0
    np.testing.assert_array_equal(kept, [[1, 0, 1, 0], [1, 1, 0, 0]])
    kept = SamplingFilter(top_p=1e-9).weights(log_probs) > 0  # never nothing
    np.testing.assert_array_equal(kept, [[1, 0, 0, 0], [1, 0, 0, 0]])
    kept = SamplingFilter(top_k=2, top_p=0.6).weights(log_probs) > 0  # p of what k left
    np.testing.assert_array_equal(kept, [[1, 0, 1, 0], [1, 0, 0, 0]])
    empty = np.full((1, 3), -np.inf)
    np.testing.assert_array_equal(SamplingFilter(temperature=2.0).weights(empty), np.zeros((1, 3)))


@given(
    rows=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, 1e-30]) | st.floats(0, 1, width=16),
    ),
    top_k=st.none() | st.integers(1, 14) | st.just(2**62),
    top_p=st.none() | st.sampled_from([1e-9, 0.3, 0.5, 0.75, 0.999, 1.0]),
)
def test_filters_keep_what_a_loop_over_sorted_rows_keeps(rows, top_k, top_p):
    with np.errstate(divide="ignore"):
        logs = np.log(rows)
    whole = SamplingFilter().weights(logs)
    wanted = np.zeros_like(whole)
    for row, out in zip(whole, wanted, strict=True):
        order = sorted(range(len(row)), key=lambda j: (-row[j], j))[:top_k]
        total, held = sum(row[order]), 0.0
        for j in order:
            if top_p in (None, 1.0) or held < top_p * total:
                out[j] = row[j]
            held += row[j]
    got = SamplingFilter(top_k=top_k, top_p=top_p).weights(logs)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"temperature": 0.0}, ValueError),
        ({"temperature": float("nan")}, ValueError),
        ({"temperature": "hot"}, TypeError),
        ({"top_k": 0}, ValueError),
        ({"top_k": 1.5}, TypeError),
        ({"top_p": 0.0}, ValueError),
        ({"top_p": 1.1}, ValueError),
        ({"top_p": True}, TypeError),
    ],
)
def test_filters_refuse(setting, error):
    with pytest.raises(error, match=next(iter(setting))):
        SamplingFilter(**setting)


def interpolated_and_not():
    """Two tables of a dozen symbols: Kneser-Ney's kind, and one that some pairs undercut."""
    table, dense = random_backoff(4, 12, density=0.7)
    low = BackoffTable(table.indptr, table.indices, table.probs / 50, table.backoff, table.base)
    return [(table, dense), (low, low.to_dense().probs)]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 3.0},
        {"temperature": 0.01},
        {"top_k": 4},
        {"top_p": 0.7, "temperature": 2.0},
        {"top_k": 5, "top_p": 0.9, "temperature": 0.7},
    ],
    ids=str,
)
def test_backoff_samples_as_its_dense_form_would(which, setting):
    table, dense = interpolated_and_not()[which]
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


@pytest.mark.parametrize("temperature", [0.002, 1e-4, 1e-300, 5e-324])
@pytest.mark.parametrize("pairs", [[(0, 0)], [(0, 0), (0, 3)], [(0, j) for j in range(5)], []])
@pytest.mark.parametrize("cut", [{}, {"top_p": 0.1}, {"top_k": 1, "top_p": 0.1}, {"top_k": 2}])
def test_the_likeliest_successors_in_the_cold(pairs, temperature, cut):
    """Where they are not stored, and less likely by far than the top of the base, which is."""
    base = np.array([0.8, 0.09, 0.0899999, 0.01, 0.0100001])
    indptr = np.array([0, *[len(pairs)] * 5])
    probs = np.full(len(pairs), 1e-3)
    table = BackoffTable(indptr, np.array([j for _, j in pairs], np.int64), probs, np.ones(5), base)
    wanted = SamplingFilter(temperature, **cut).weights(table.log_probs([0]))[0]
    starts = np.zeros(10_000, np.int64)
    tokens, _ = table.sample_sequences(starts, max_length=1, seed=3, temperature=temperature, **cut)
    drawn = np.bincount(tokens, minlength=5) / len(starts)
    np.testing.assert_allclose(drawn, wanted / wanted.sum(), atol=0.025)


@pytest.mark.parametrize("kind", ["dense", "backoff"])
def test_the_last_settings_are_prepared_once(kind):
    backoff, _ = random_backoff(4, 12)
    table = backoff if kind == "backoff" else DenseTable(np.exp(backoff.log_probs(np.arange(12))))

    def draw(**setting):
        drawn, _ = table.sample_sequences(np.arange(12), max_length=9, seed=1, **setting)
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


def test_scores_are_the_sums_of_pairs():
    table, _ = random_backoff(2, 9)
    tokens = np.random.default_rng(0).integers(0, 9, 50).astype(np.uint16)
    offsets = np.array([0, 7, 7, 8, 30, 50])
    pairs = table.pair_log_probs(tokens[:-1], tokens[1:])
    wanted = [pairs[a : max(a, b - 1)].sum() for a, b in itertools.pairwise(offsets)]
    np.testing.assert_allclose(table.score_sequences(tokens, offsets), wanted, rtol=1e-12)
    np.testing.assert_allclose(table.score_sequences(tokens), [pairs.sum()], rtol=1e-12)
