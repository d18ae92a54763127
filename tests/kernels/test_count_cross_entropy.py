"""Cross-entropy over counted pairs: `count_cross_entropy_grad`."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

NAN = float("nan")


@st.composite
def problems(draw):
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    weight = (rng.standard_normal(shape) * draw(st.sampled_from([1, 20]))).astype(dtype)
    counts = rng.poisson(draw(st.sampled_from([0.1, 3.0, 1e6])), shape).astype(np.int64)
    counts[rng.random(shape[0]) < 0.2] = 0
    weight = draw(st.sampled_from([np.array, np.asfortranarray, lambda a: a[::-1].copy()[::-1]]))(
        weight
    )
    counts = draw(st.sampled_from([np.array, np.asfortranarray, lambda a: a.astype(">i8")]))(counts)
    weight.flags.writeable = counts.flags.writeable = False
    return weight, counts, draw(st.sampled_from([0.0, 0.01, 1.0]))


def assert_close(got, wanted, dtype):
    rtol = 1e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got[0], wanted[0], rtol=rtol, atol=1e-15)
    # c_i p - c cancels near the optimum, so the bound is of the largest element; the twin itself
    # rounds to 2.3e-16 where p is near one.
    atol = rtol * np.abs(wanted[1]).max(initial=0) + 2.3e-16
    np.testing.assert_allclose(got[1], wanted[1], rtol=rtol, atol=atol)


@given(problem=problems(), threads=st.sampled_from([1, 2, 3, 7]), index=st.sampled_from("il"))
def test_loss_and_gradient_equal_the_twin(problem, threads, index):
    weight, counts, l2 = problem
    sparse = scipy.sparse.csr_array(counts.astype(np.int64))
    sparse.indices = sparse.indices.astype(index)
    sparse.indptr = sparse.indptr.astype(index)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = reference.count_cross_entropy_grad(weight, counts, l2=l2)
    dense = kernels.count_cross_entropy_grad(weight, counts, l2=l2, num_threads=threads)
    assert dense[1].dtype == weight.dtype
    assert_close(dense, wanted, weight.dtype)
    total = int(counts.sum())
    again = kernels.count_cross_entropy_grad(
        weight, counts, l2=l2, total=total, num_threads=threads
    )
    np.testing.assert_array_equal(again[0], dense[0])
    np.testing.assert_array_equal(again[1], dense[1])
    got = kernels.count_cross_entropy_grad(weight, sparse, l2=l2, num_threads=threads)
    assert_close(got, wanted, weight.dtype)


def test_loss_and_gradient_are_those_of_the_pairs(isa):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((27, 27))
    contexts, targets = rng.integers(0, 27, 5000), rng.integers(0, 27, 5000)
    counts = np.zeros((27, 27), np.int64)
    np.add.at(counts, (contexts, targets), 1)
    loss, grad = kernels.count_cross_entropy_grad(weight, counts)
    pairs_loss, pairs_grad = kernels.embedding_cross_entropy_grad(weight, contexts, targets)
    np.testing.assert_allclose(loss, pairs_loss, rtol=1e-13)
    np.testing.assert_allclose(grad, pairs_grad, rtol=1e-10, atol=1e-16)


def test_the_gradient_agrees_with_finite_differences():
    rng = np.random.default_rng(1)
    weight, counts = rng.standard_normal((4, 5)), rng.integers(0, 9, (4, 5))
    grad = kernels.count_cross_entropy_grad(weight, counts, l2=0.3)[1]
    for place in np.ndindex(weight.shape):
        step = np.zeros_like(weight)
        step[place] = 1e-5
        up = kernels.count_cross_entropy_grad(weight + step, counts, l2=0.3)[0]
        down = kernels.count_cross_entropy_grad(weight - step, counts, l2=0.3)[0]
        np.testing.assert_allclose(grad[place], (up - down) / 2e-5, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("make", [np.array, scipy.sparse.csr_array])
def test_log_probabilities_of_counts_are_the_optimum(make):
    counts = np.array([[3, 0, 1], [0, 0, 5], [0, 0, 0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        probs = counts / counts.sum(axis=1, keepdims=True)
        weight = np.log(probs)
    loss, grad = kernels.count_cross_entropy_grad(weight, make(counts))
    wanted = -(3 * np.log(0.75) + np.log(0.25)) / 9
    np.testing.assert_allclose(loss, wanted, rtol=1e-12)
    np.testing.assert_allclose(grad, 0, atol=1e-16)


def test_a_near_certain_prediction_does_not_cancel():
    weight = np.array([[20.0, 0.0, 0.0]], np.float32)
    grad = kernels.count_cross_entropy_grad(weight, np.array([[7, 0, 0]]))[1]
    rest = 2 * np.exp(-20.0) / (1 + 2 * np.exp(-20.0))
    np.testing.assert_allclose(grad, [[-rest, rest / 2, rest / 2]], rtol=1e-6)


def test_the_loss_of_no_counts_is_nan():
    loss, grad = kernels.count_cross_entropy_grad(np.ones((2, 3)), np.zeros((2, 3), int))
    assert np.isnan(loss)
    np.testing.assert_array_equal(grad, np.zeros((2, 3)))


def test_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((300, 700)).astype(np.float32)
    counts = rng.poisson(0.3, (300, 700))
    for matrix in (counts, scipy.sparse.csr_array(counts)):
        wanted = kernels.count_cross_entropy_grad(weight, matrix, l2=0.1, num_threads=1)
        for threads in (2, 3, 7):
            got = kernels.count_cross_entropy_grad(weight, matrix, l2=0.1, num_threads=threads)
            assert got[0] == wanted[0]
            np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, ">i8"])
def test_counts_may_be_any_integers(dtype):
    counts = np.arange(12).reshape(3, 4)
    weight = np.random.default_rng(0).standard_normal((3, 4))
    wanted = kernels.count_cross_entropy_grad(weight, counts)
    got = kernels.count_cross_entropy_grad(weight, np.asfortranarray(counts.astype(dtype)))
    assert got[0] == wanted[0]
    np.testing.assert_array_equal(got[1], wanted[1])


def broken_csr(**changes):
    matrix = scipy.sparse.csr_array(np.array([[1, 2], [0, 3]]))
    for name, value in changes.items():
        setattr(matrix, name, np.array(value))
    return matrix


W, C = np.zeros((2, 2)), np.array([[1, 2], [0, 3]])


@pytest.mark.parametrize(
    ("weight", "counts", "options", "error", "message"),
    [
        ([[0.0]], C, {}, TypeError, "weight is list, wanted a NumPy array"),
        (W, [[1]], {}, TypeError, "counts is list, wanted a NumPy array or scipy"),
        (W, scipy.sparse.coo_array(C), {}, TypeError, "counts is coo_array, wanted"),
        (W, C.astype(float), {}, TypeError, "counts has dtype float64, wanted int64"),
        (W, scipy.sparse.csr_array(C * 1.0), {}, TypeError, "counts.data has dtype float64"),
        (W, C[:1], {}, ValueError, r"counts has shape \(1, 2\), wanted \(2, 2\)"),
        (W, -C, {}, ValueError, r"counts\[0, 0\] = -1 is negative"),
        (W, C * [[1], [-1]], {"total": 6}, ValueError, r"counts\[1, 1\] = -3 is negative"),
        (W, C, {"total": 7}, ValueError, "total = 7 is not the sum of counts"),
        (W, C, {"total": 1.5}, TypeError, "total is [a-z]+, wanted an integer"),
        (W, C, {"l2": -1.0}, ValueError, "l2 = -1.0, wanted a finite number >= 0"),
        (W, C, {"l2": NAN}, ValueError, "l2 = nan"),
        (W, C, {"out": W}, ValueError, "out overlaps"),
        (W, C, {"out": np.zeros((2, 3))}, ValueError, "out has shape"),
        (W, C, {"out": C.view(float)}, ValueError, "out overlaps counts in memory"),
        (W, broken_csr(data=[1, -2, 3]), {}, ValueError, r"counts\[0, 1\] = -2 is negative"),
        (W, broken_csr(indices=[0, 1, 2]), {}, ValueError, r"counts.indices\[2\] = 2 \(row 1\)"),
        (W, broken_csr(indptr=[0, 5, 3]), {}, ValueError, "counts.indptr does not ascend"),
        (W, broken_csr(indptr=[0, 1, 9]), {}, ValueError, "counts.indptr does not ascend"),
    ],
)
def test_bad_arguments_are_named(weight, counts, options, error, message):
    with pytest.raises(error, match=message):
        kernels.count_cross_entropy_grad(weight, counts, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros((2, 3)), W, C, -1, 0.0, 1),
        (W, W, C, -1, 0.0, 1),
        (np.zeros(4), np.zeros(4), C, -1, 0.0, 1),
        (np.zeros((2, 2), np.float32), W, C, -1, 0.0, 1),
        (np.zeros((2, 2)), W, C[:1], -1, 0.0, 1),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(arguments):
    with pytest.raises((TypeError, ValueError)):
        _core.count_cross_entropy_grad(*arguments)
