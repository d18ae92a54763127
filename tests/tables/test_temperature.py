"""Low temperatures, where a backoff's weights and a base's would underflow apart."""

import numpy as np
import pytest

from bigram.tables.backoff import BackoffTable
from bigram.tables.sampling_filter import SamplingFilter
from bigram.tables.temperature import at_temperature


@pytest.mark.parametrize("temperature", [0.002, 1e-4, 1e-300, 5e-324])
@pytest.mark.parametrize("pairs", [[(0, 0)], [(0, 0), (0, 3)], [(0, j) for j in range(5)], []])
@pytest.mark.parametrize("cut", [{}, {"top_p": 0.1}, {"top_k": 1, "top_p": 0.1}, {"top_k": 2}])
def test_the_likeliest_successors_are_drawn_though_the_base_gives_them_little(
    pairs, temperature, cut
):
    """They are not stored, and far less likely than the top of the base, which is stored."""
    base = np.array([0.8, 0.09, 0.0899999, 0.01, 0.0100001])
    indptr = np.array([0, *[len(pairs)] * 5])
    probs = np.full(len(pairs), 1e-3)
    table = BackoffTable(indptr, np.array([j for _, j in pairs], np.int64), probs, np.ones(5), base)
    wanted = SamplingFilter(temperature, **cut).weights(table.log_probs([0]))[0]
    starts = np.zeros(10_000, np.int64)
    tokens, _ = table.sample_sequences(starts, max_length=1, seed=3, temperature=temperature, **cut)
    drawn = np.bincount(tokens, minlength=5) / len(starts)
    np.testing.assert_allclose(drawn, wanted / wanted.sum(), atol=0.025)


@pytest.mark.parametrize("temperature", [0.01, 0.3, 1.0, 2.5])
def test_tempered_arrays_are_the_rows_to_the_power_of_one_over_t(random_backoff, temperature):
    table, dense = random_backoff(2, 10)
    order = np.argsort(-table.base, kind="stable")
    with np.errstate(divide="ignore"):
        logs = [np.log(a) for a in (table.probs, table.backoff, table.base)]
    found = at_temperature(table.indptr, table.indices, *logs, order, temperature)
    rows = found.backoff[:, None] * found.base
    contexts = np.repeat(np.arange(10), np.diff(found.indptr))
    rows[contexts, found.indices] = found.weights
    wanted = (dense / dense.max(axis=1, keepdims=True)) ** (1 / temperature)
    np.testing.assert_allclose(rows, wanted, rtol=1e-9, atol=1e-300)
