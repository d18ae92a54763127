"""Temperature, top-k and top-p on rows of log-probabilities."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram.tables.sampling_filter import SamplingFilter


def test_each_filter_applies_to_what_the_one_before_left():
    log_probs = np.log(np.array([[0.4, 0.1, 0.4, 0.1], [0.7, 0.1, 0.1, 0.1]]))
    np.testing.assert_allclose(
        SamplingFilter(temperature=0.5).weights(log_probs)[0], [1, 1 / 16, 1, 1 / 16]
    )
    kept = SamplingFilter(top_k=3).weights(log_probs) > 0  # of equal weights, the lower ids
    np.testing.assert_array_equal(kept, [[1, 1, 1, 0], [1, 1, 1, 0]])
    kept = SamplingFilter(top_p=0.75).weights(log_probs) > 0
    np.testing.assert_array_equal(kept, [[1, 0, 1, 0], [1, 1, 0, 0]])
    kept = SamplingFilter(top_p=1e-9).weights(log_probs) > 0  # one at least
    np.testing.assert_array_equal(kept, [[1, 0, 0, 0], [1, 0, 0, 0]])
    kept = SamplingFilter(top_k=2, top_p=0.6).weights(log_probs) > 0  # a share of what top_k left
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
    ("setting", "error", "message"),
    [
        ({"temperature": 0.0}, ValueError, "temperature = 0.0, wanted a positive finite number"),
        ({"temperature": float("nan")}, ValueError, "temperature = nan, wanted"),
        ({"temperature": "hot"}, TypeError, "temperature"),
        ({"top_k": 0}, ValueError, "top_k = 0, wanted an integer >= 1"),
        ({"top_k": 1.5}, TypeError, "top_k"),
        ({"top_p": 0.0}, ValueError, r"top_p = 0.0, wanted a number in \(0, 1\]"),
        ({"top_p": 1.1}, ValueError, r"top_p = 1.1, wanted a number in \(0, 1\]"),
        ({"top_p": True}, TypeError, "top_p"),
    ],
)
def test_options_out_of_range_are_named(setting, error, message):
    with pytest.raises(error, match=message):
        SamplingFilter(**setting)
