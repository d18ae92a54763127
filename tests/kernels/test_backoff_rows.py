"""Rows of a model with backoff, whole and by their largest entries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference


def random_table(seed, vocab_size, dtype):
    """Return indptr, indices, log_probs, log_backoff and log_base, with ties and zeros."""
    rng = np.random.default_rng(seed)
    seen = rng.random((vocab_size, vocab_size)) < rng.random()
    probs, backoff, base = (
        rng.choice([0.0, 0.125, 0.25, 0.3, 0.7], n) for n in (seen.sum(), vocab_size, vocab_size)
    )
    indptr = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
    with np.errstate(divide="ignore"):
        logs = [np.log(x) for x in (probs, backoff, base)]
    return (indptr, np.nonzero(seen)[1].astype(dtype), *logs)


cases = st.builds(
    random_table,
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2, 7, 60, 300]),
    st.sampled_from([np.int32, np.int64]),
)
threads = st.sampled_from([1, 2, 3, 7])
dtypes = st.sampled_from([np.uint16, np.uint32, np.int32, np.int64, ">i8", ">u2"])


def contexts_of(table, seed, dtype, view):
    rng = np.random.default_rng(seed)
    size = len(table[4])
    contexts = view(rng.integers(0, size, rng.integers(0, 100)).astype(dtype))
    contexts.flags.writeable = False
    return contexts


views = st.sampled_from([lambda a: a, lambda a: a[::-1], lambda a: a[::3], lambda a: a[:1]])


@given(cases, st.integers(0, 99), dtypes, views, threads)
def test_rows_equal_the_twin(table, seed, dtype, view, num_threads):
    contexts = contexts_of(table, seed, dtype, view)
    got = kernels.backoff_rows(*table, contexts, num_threads=num_threads)
    wanted = reference.backoff_rows(*table, contexts)
    np.testing.assert_array_equal(got, wanted)


@given(cases, st.integers(0, 99), dtypes, views, threads, st.integers(1, 300))
def test_top_k_equals_the_twin(table, seed, dtype, view, num_threads, k):
    contexts = contexts_of(table, seed, dtype, view)
    k = min(k, len(table[4]))
    order = np.argsort(-table[4], kind="stable")
    ids, values = kernels.backoff_top_k(
        *table, contexts, k, base_order=order, num_threads=num_threads
    )
    wanted = reference.backoff_top_k(*table, contexts, k, base_order=order)
    np.testing.assert_array_equal(ids, wanted[0])
    np.testing.assert_array_equal(values, wanted[1])


GOOD = (np.array([0, 1, 1]), np.array([1]), np.zeros(1), np.zeros(2), np.zeros(2), np.array([0]))


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, np.array([0, 2, 2]), ValueError),
        (0, np.array([1, 0, 0]), ValueError),
        (0, np.array([0, 1]), ValueError),
        (1, np.array([2]), ValueError),
        (1, np.array([-1]), ValueError),
        (1, np.array([1.0]), TypeError),
        (2, np.zeros(1, np.float32), TypeError),
        (3, np.zeros(3), ValueError),
        (4, np.zeros(0), ValueError),
        (5, np.array([2]), ValueError),
        (5, np.array([-1]), ValueError),
        (5, [0], TypeError),
        (5, np.array([0.0]), TypeError),
    ],
)
def test_bad_arguments_of_rows_are_refused(place, value, error):
    arguments = [*GOOD[:place], value, *GOOD[place + 1 :]]
    with pytest.raises(error):
        kernels.backoff_rows(*arguments)


@pytest.mark.parametrize(
    ("order", "k", "error"),
    [
        (np.array([0, 1]), 0, ValueError),
        (np.array([0, 1]), 3, ValueError),
        (np.array([0, 1]), 1.0, TypeError),
        (np.array([0]), 1, ValueError),
        (np.array([5, 5]), 2, ValueError),
        (np.array([1, 1]), 2, ValueError),
        (np.array([0, 1], np.int32), 1, TypeError),
    ],
)
def test_bad_arguments_of_top_k_are_refused(order, k, error):
    with pytest.raises(error):
        kernels.backoff_top_k(*GOOD, k, base_order=order)


def test_a_bad_context_and_a_bad_length_are_named():
    contexts = np.array([0, 2, -1])
    with pytest.raises(ValueError, match=r"contexts\[1\] = 2 is outside \[0, 2\)"):
        kernels.backoff_rows(*GOOD[:5], contexts)
    with pytest.raises(ValueError, match=r"contexts\[1\] = 2 is outside \[0, 2\)"):
        kernels.backoff_top_k(*GOOD[:5], contexts, 1, base_order=np.array([0, 1]))
    with pytest.raises(ValueError, match="log_backoff has length 3; wanted length 2"):
        kernels.backoff_rows(*GOOD[:3], np.zeros(3), *GOOD[4:])


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([0.0], TypeError, "is list, wanted a 1-D"),
        (np.array(0.0), ValueError, r"has shape \(\), wanted one"),
    ],
)
def test_an_array_that_is_not_1d_is_named(place, value, error, message):
    names = ("indptr", "indices", "log_probs", "log_backoff", "log_base")
    arguments = [*GOOD[:place], value, *GOOD[place + 1 :]]
    with pytest.raises(error, match=f"{names[place]} {message}"):
        kernels.backoff_rows(*arguments)
    with pytest.raises(error, match=f"{names[place]} {message}"):
        kernels.backoff_top_k(*arguments, 1, base_order=np.array([0, 1]))
    slots = kernels.index_pairs(*GOOD[:3])
    with pytest.raises(error, match=f"{names[place]} {message}"):
        kernels.score_backoff_sequences(
            slots if place > 2 else kernels.index_pairs(*arguments[:3]), *arguments[3:]
        )
    with pytest.raises(error, match=message):
        kernels.prepare_backoff_sampler(*arguments[:5])


def test_the_raw_extension_checks_what_protects_memory():
    with pytest.raises(ValueError, match="out must have"):
        _core.backoff_rows(np.empty((1, 3)), GOOD[5], *GOOD[:5], 1)
    ids, values = np.empty((1, 2), np.int64), np.empty((1, 1))
    with pytest.raises(ValueError, match="ids and values"):
        _core.backoff_top_k(ids, values, GOOD[5], *GOOD[:5], np.array([0, 1]), 1)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_first_bad_row_is_named_for_any_number_of_threads(threads):
    """Rows 40 and 900 are bad."""
    size = 1000
    indices = np.arange(size)
    indices[[40, 900]] = size
    zeros = np.zeros(size)
    model = (np.arange(size + 1), indices, zeros, zeros, zeros)
    with pytest.raises(ValueError, match="the row of context 40:"):
        kernels.backoff_rows(*model, np.arange(size), num_threads=threads)
    order = np.full(size, size)
    with pytest.raises(ValueError, match="the row of context 0:"):
        kernels.backoff_top_k(*model, np.arange(size), 5, base_order=order, num_threads=threads)
