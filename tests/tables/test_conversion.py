"""Tables made from arrays, and tables in the form of an ARPA file."""

import numpy as np
import pytest

import bigram
from bigram.tables.conversion import as_backoff, from_arrays, probability_rows
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable

TEXTS = ["abba", "abc", "cab", "", "ccab", "bac"]
OTHERS = ["cc", "caac", "aacca", "b"]
TOKENIZER = bigram.CharTokenizer.from_texts(TEXTS + OTHERS)


def rows(table):
    return np.exp(table.log_probs(np.arange(table.vocab_size)))


def test_a_dense_table_is_stored_whole_with_the_same_rows():
    table = bigram.MLE().table(bigram.count(TEXTS, TOKENIZER))
    found = as_backoff(table)
    assert found.num_pairs == np.count_nonzero(table.probs)
    np.testing.assert_array_equal(found.to_dense().probs, table.probs)
    assert as_backoff(found) is found


def test_probability_rows_of_a_dense_table_are_its_own_bits():
    probs = np.random.default_rng(0).dirichlet(np.ones(7), 7)
    np.testing.assert_array_equal(probability_rows(DenseTable(probs), [3, 1]), probs[[3, 1]])
    with pytest.raises(ValueError, match=r"contexts\[0\] = 7 is outside"):
        probability_rows(DenseTable(probs), [7])
    found = probability_rows(as_backoff(DenseTable(probs)), [3, 1])
    np.testing.assert_allclose(found, probs[[3, 1]], rtol=1e-15)


def test_a_collapsed_mixture_is_exact_where_a_table_stores_the_pair():
    """As SRILM's -mix-lm; the backoff makes rows sum to one."""
    tables = [
        bigram.KneserNey(0.6).backoff_table(bigram.count(t, TOKENIZER)) for t in (TEXTS, OTHERS)
    ]
    mixed = MixtureTable(tables, [0.75, 0.25])
    collapsed = as_backoff(mixed)
    np.testing.assert_allclose(rows(collapsed).sum(axis=1), 1.0, atol=1e-12)
    stored = np.zeros((4, 4), bool)
    for table in tables:
        stored[np.repeat(np.arange(4), np.diff(table.indptr)), table.indices] = True
    assert collapsed.num_pairs == stored.sum()
    np.testing.assert_allclose(rows(collapsed)[stored], rows(mixed)[stored], rtol=1e-14)


def test_from_arrays_refuses_a_kind_that_does_not_exist():
    with pytest.raises(ValueError, match="kind = 'cubic', wanted one of"):
        from_arrays("cubic", {})
    with pytest.raises(ValueError, match="wanted probs of float64 for a dense table"):
        from_arrays("dense", {})
