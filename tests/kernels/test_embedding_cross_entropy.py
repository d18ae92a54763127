"""Cross-entropy of rows of a table: `embedding_cross_entropy_grad`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, kernels, reference

TOKEN_DTYPES = [np.uint8, np.uint16, np.uint32, np.int32, np.int64, ">i4"]


@st.composite
def problems(draw):
    vocab, classes = draw(st.integers(1, 60)), draw(st.integers(1, 90))
    n = draw(st.sampled_from([0, 1, 2, 5, 64, 300]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    weight = (rng.standard_normal((vocab, classes)) * draw(st.sampled_from([1, 30]))).astype(dtype)
    weight = draw(st.sampled_from([np.array, np.asfortranarray, lambda a: a[::-1].copy()[::-1]]))(
        weight
    )
    view = draw(st.sampled_from([slice(None), slice(None, None, -1), slice(None, None, 3)]))
    contexts = rng.integers(0, vocab, n).astype(draw(st.sampled_from(TOKEN_DTYPES)))[view]
    targets = rng.integers(0, classes, n).astype(draw(st.sampled_from(TOKEN_DTYPES)))[view]
    for array in (weight, contexts, targets):
        array.flags.writeable = False
    return weight, contexts, targets


def assert_close(got, wanted, dtype):
    rtol = 1e-6 if dtype == np.float32 else 1e-12
    # The twin rounds p - 1 to 2.3e-16 where p is near one; the kernel adds up the others instead.
    atol = rtol * np.abs(wanted).max(initial=0) + 2.3e-16
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol)


@given(problem=problems(), threads=st.sampled_from([1, 2, 3, 7]))
def test_loss_and_gradient_equal_the_twin(problem, threads):
    weight, contexts, targets = problem
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = reference.embedding_cross_entropy_grad(weight, contexts, targets, sparse=True)
        dense = reference.embedding_cross_entropy_grad(weight, contexts, targets)[1]
    options = {"num_threads": threads}
    loss, rows, values = kernels.embedding_cross_entropy_grad(
        weight, contexts, targets, sparse=True, **options
    )
    rtol = 1e-6 if weight.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(loss, wanted[0], rtol=rtol, atol=1e-15)
    np.testing.assert_array_equal(rows, wanted[1])
    assert rows.dtype == np.int64
    assert values.dtype == weight.dtype
    assert_close(values, wanted[2], weight.dtype)
    again, grad = kernels.embedding_cross_entropy_grad(weight, contexts, targets, **options)
    np.testing.assert_array_equal(again, loss)
    assert_close(grad, dense, weight.dtype)
    np.testing.assert_array_equal(grad[rows], values)


def test_few_examples_of_a_large_vocabulary_equal_the_twin():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((30_000, 9)).astype(np.float32)
    contexts = rng.integers(0, 30_000, 50)[np.arange(100) // 2]
    targets = rng.integers(0, 9, 100)
    loss, grad = kernels.embedding_cross_entropy_grad(weight, contexts, targets)
    wanted = reference.embedding_cross_entropy_grad(weight, contexts, targets)
    np.testing.assert_allclose(loss, wanted[0], rtol=1e-6)
    assert_close(grad, wanted[1], np.float32)


def test_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((300, 700)).astype(np.float32)
    contexts, targets = rng.integers(0, 300, 5000), rng.integers(0, 700, 5000)
    wanted = kernels.embedding_cross_entropy_grad(weight, contexts, targets, num_threads=1)
    for threads in (2, 3, 7):
        got = kernels.embedding_cross_entropy_grad(weight, contexts, targets, num_threads=threads)
        assert got[0] == wanted[0]
        np.testing.assert_array_equal(got[1], wanted[1])


def test_out_is_filled_and_returned():
    weight = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    contexts, targets = np.array([1, 3, 1]), np.array([0, 6, 2])
    out = np.full_like(weight, 9)
    loss, grad = kernels.embedding_cross_entropy_grad(weight, contexts, targets, out=out)
    assert grad is out
    wanted = kernels.embedding_cross_entropy_grad(weight, contexts, targets)
    assert loss == wanted[0]
    np.testing.assert_array_equal(out, wanted[1])
    assert not out[[0, 2, 4]].any()


@pytest.mark.parametrize("view", [lambda a: a.T, lambda a: a[::-1], lambda a: a.astype(">f8")])
def test_the_weight_may_have_any_layout(view):
    weight = view(np.random.default_rng(0).standard_normal((6, 6)))
    contexts, targets = np.arange(6), np.arange(6)[::-1]
    got = kernels.embedding_cross_entropy_grad(weight, contexts, targets)
    wanted = kernels.embedding_cross_entropy_grad(
        np.array(weight, "f8", order="C"), contexts, targets
    )
    assert got[0] == wanted[0]
    np.testing.assert_array_equal(got[1], wanted[1])


def test_the_loss_of_no_examples_is_nan():
    loss, grad = kernels.embedding_cross_entropy_grad(
        np.ones((2, 3)), np.zeros(0, int), np.zeros(0, int)
    )
    assert np.isnan(loss)
    np.testing.assert_array_equal(grad, np.zeros((2, 3)))


W, X, Y = np.zeros((3, 4)), np.array([0, 1, 2]), np.array([3, 1, 2])


@pytest.mark.parametrize(
    ("weight", "contexts", "targets", "options", "error", "message"),
    [
        ([[0.0]], X, Y, {}, TypeError, "weight is list, wanted a NumPy array"),
        (W[0], X, Y, {}, ValueError, r"weight has shape \(4,\)"),
        (W.astype(int), X, Y, {}, TypeError, "weight has dtype int64"),
        (W, [0], Y, {}, TypeError, "contexts is [a-z]+, wanted a 1-D NumPy array"),
        (W, X.astype(float), Y, {}, TypeError, "contexts has dtype float64"),
        (W, X, Y.astype(np.int8), {}, TypeError, "targets has dtype int8"),
        (W, X[:2], Y, {}, ValueError, "contexts has 2 elements, targets has 3"),
        (W, np.array([0, 3, 0]), Y, {}, ValueError, r"contexts\[1\] = 3 is outside \[0, 3\)"),
        (W, X, np.array([0, 1, -1]), {}, ValueError, r"targets\[2\] = -1 is outside \[0, 4\)"),
        (W, X, Y, {"out": W}, ValueError, "out overlaps"),
        (W, X, Y, {"out": np.zeros((3, 3))}, ValueError, "out has shape"),
        (W, X, Y, {"out": np.zeros((3, 4)), "sparse": True}, ValueError, "out is for the dense"),
    ],
)
def test_bad_arguments_are_named(weight, contexts, targets, options, error, message):
    with pytest.raises(error, match=message):
        kernels.embedding_cross_entropy_grad(weight, contexts, targets, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros((3, 3)), W, X, Y, False, 1),
        (None, W[0], X, Y, False, 1),
        (None, W, X, Y[:2], False, 1),
        (None, W.T, X, Y, False, 1),
        (W, W, X, Y, False, 1),
        (None, W, X.astype(float), Y, False, 1),
    ],
)
def test_the_raw_extension_refuses_what_it_cannot_read(arguments):
    with pytest.raises((TypeError, ValueError)):
        _core.embedding_cross_entropy_grad(*arguments)
