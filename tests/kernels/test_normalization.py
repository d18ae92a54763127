"""Counts to conditional probabilities: `normalize_rows`."""

from fractions import Fraction

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=70)
int_counts = hnp.arrays(
    st.sampled_from([np.uint8, np.int32, np.int64, np.uint64, ">i8"]),
    shapes,
    elements={"min_value": 0, "max_value": 200},
)
float_counts = hnp.arrays(
    st.sampled_from([np.float32, np.float64, ">f8"]),
    shapes,
    elements={"min_value": 0, "max_value": 2.0**20},
)


VIEWS = [
    lambda a: a,
    lambda a: a[::-1],
    lambda a: a[:, ::-1],
    lambda a: a[::2, 1::3],
    lambda a: a.T,
    np.asfortranarray,
]


@given(
    counts=st.one_of(int_counts, float_counts),
    view=st.sampled_from(VIEWS),
    alpha=st.sampled_from([0.0, 1.0, 0.25, 1e-3]),
    dtype=st.sampled_from([np.float32, np.float64]),
    threads=st.sampled_from([1, 2, 3, 7]),
)
def test_rows_equal_the_twin(counts, view, alpha, dtype, threads):
    counts = view(counts)
    counts.flags.writeable = False
    wanted = reference.normalize_rows(counts, alpha=alpha, dtype=dtype)
    got = kernels.normalize_rows(counts, alpha=alpha, dtype=dtype, num_threads=threads)
    assert got.dtype == dtype
    rtol = 1e-6 if dtype is np.float32 else 1e-14
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=0)
    if counts.dtype.kind != "f":  # sums of integers are exact, so are the bits
        np.testing.assert_array_equal(got, wanted)


@given(counts=float_counts)
def test_same_bits_for_any_number_of_threads(counts):
    wanted = kernels.normalize_rows(counts, alpha=0.1, num_threads=1)
    for threads in (2, 3, 7):
        got = kernels.normalize_rows(counts, alpha=0.1, num_threads=threads)
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("view", [*VIEWS, lambda a: np.broadcast_to(a[:1], a.shape)])
def test_strided_and_read_only_counts_give_the_same(view):
    counts = view(np.arange(600).reshape(20, 30))
    counts.flags.writeable = False
    np.testing.assert_array_equal(kernels.normalize_rows(counts), reference.normalize_rows(counts))


def test_a_row_without_mass_stays_zero():
    got = kernels.normalize_rows(np.array([[0, 0], [1, 1]]))
    np.testing.assert_array_equal(got, [[0, 0], [0.5, 0.5]])


def test_a_sum_beyond_int64_does_not_wrap():
    counts = np.full((1, 4), 2**62)
    np.testing.assert_array_equal(kernels.normalize_rows(counts), [[0.25] * 4])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alpha", [1e307, 1e308, 1.7976931348623157e308])
def test_a_denominator_beyond_float64_is_not_infinite(alpha, dtype):
    for counts in (np.array([[1, 3, 0], [0, 0, 0]]), np.array([[1e307, 0.0, 0.0]] * 2)):
        got = kernels.normalize_rows(counts, alpha=alpha, dtype=dtype)
        exact = [[Fraction(c) + Fraction(alpha) for c in row] for row in counts.tolist()]
        exact = [[float(c / sum(row)) for c in row] for row in exact]
        np.testing.assert_allclose(got, exact, rtol=1e-6 if dtype is np.float32 else 1e-15)
        wanted = reference.normalize_rows(counts, alpha=alpha, dtype=dtype)
        np.testing.assert_allclose(got, wanted, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_is_filled_and_returned(dtype):
    counts = np.array([[1, 3], [2, 2]])
    out = np.full((2, 2), 9, dtype)
    assert kernels.normalize_rows(counts, out=out) is out
    np.testing.assert_array_equal(out, [[0.25, 0.75], [0.5, 0.5]])


COUNTS = np.ones((3, 3), np.int64)


def _read_only():
    out = np.empty((3, 3))
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    ("counts", "options", "error", "message"),
    [
        ([[1]], {}, TypeError, "counts is list, wanted a NumPy array"),
        (np.ones(3), {}, ValueError, r"counts has shape \(3,\), wanted two dimensions"),
        (np.ones((2, 2), bool), {}, TypeError, "counts has dtype bool"),
        (np.ones((2, 2), complex), {}, TypeError, "counts has dtype complex128"),
        (np.array([[1, 2], [3, -4]]), {}, ValueError, r"counts\[1, 1\] = -4, wanted a finite"),
        (np.array([[1, np.nan]]), {}, ValueError, r"counts\[0, 1\] = nan, wanted a finite"),
        (np.array([[1, 1], [np.inf, 1]]), {}, ValueError, r"counts\[1, 0\] = inf, wanted"),
        (np.full((1, 2), 1.7e308), {}, ValueError, r"the sum of counts\[0\] is not finite"),
        (np.array([[2**64 - 1]], np.uint64), {}, ValueError, "wanted at most"),
        (COUNTS, {"alpha": -1.0}, ValueError, "alpha = -1.0, wanted a finite number >= 0"),
        (COUNTS, {"alpha": np.nan}, ValueError, "alpha"),
        (COUNTS, {"dtype": np.int32}, TypeError, "dtype = int32, wanted float32 or float64"),
        (COUNTS, {"out": np.empty((3, 2))}, ValueError, r"out has shape \(3, 2\)"),
        (COUNTS, {"out": np.empty((3, 3), np.int64)}, TypeError, "out has dtype int64"),
        (COUNTS, {"out": np.empty((6, 3))[::2]}, ValueError, "out is strided"),
        (COUNTS, {"out": _read_only()}, ValueError, "out is read-only"),
        (COUNTS, {"out": COUNTS.view(np.float64)}, ValueError, "out overlaps"),
        (COUNTS, {"out": [[0.0]]}, TypeError, "out is list, wanted a NumPy array"),
        (COUNTS, {"out": [[0.0]], "dtype": np.float32}, TypeError, "out is list"),
        (COUNTS, {"num_threads": 0}, ValueError, "num_threads = 0 is outside"),
        (COUNTS, {"num_threads": 1.5}, TypeError, "num_threads is [a-z]+, wanted an integer"),
    ],
)
def test_bad_arguments_are_named(counts, options, error, message):
    with pytest.raises(error, match=message):
        kernels.normalize_rows(counts, **options)


@pytest.mark.parametrize(
    ("out", "counts"),
    [
        (np.empty((2, 2)), np.ones((3, 3))),
        (np.empty(9), np.ones((3, 3))),
        (np.empty((3, 3), np.int32), np.ones((3, 3))),
        (np.empty((3, 3)), np.ones((3, 3), ">f8")),
        (np.empty((3, 3)), np.ones((6, 3))[::2]),
        (_read_only(), np.ones((3, 3))),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(out, counts):
    with pytest.raises((TypeError, ValueError)):
        _core.normalize_rows(out, counts, 0.0, 1)
