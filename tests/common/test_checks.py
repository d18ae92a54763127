"""The checks of arguments, and the grammar of their errors."""

import numpy as np
import pytest

import bigram
from bigram import kernels
from bigram.common import checks
from bigram.tables.dense import DenseTable


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_an_integer_of_any_kind_comes_back_as_int(value):
    result = checks.check_index(value, "k", 0, 5)
    assert type(result) is int
    assert result == 3


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "bool"), (2.0, "float"), (None, "NoneType"), ("2", "str"), (np.arange(2), "ndarray")],
)
def test_what_is_not_an_integer_is_a_type_error_that_says_what_it_is(value, kind):
    with pytest.raises(TypeError, match=f"^k is {kind}, wanted an integer$"):
        checks.check_index(value, "k", 0)


def test_an_integer_out_of_range_is_a_value_error_that_says_the_range():
    with pytest.raises(ValueError, match=r"^k = 6 is outside \[1, 5\]$"):
        checks.check_index(6, "k", 1, 5)
    with pytest.raises(ValueError, match=r"^k = -1, wanted an integer >= 0$"):
        checks.check_index(-1, "k", 0)
    with pytest.raises(ValueError, match=r"^vocab_size = 0 is outside \[1, 2147483647\]$"):
        checks.check_vocab_size(0)
    with pytest.raises(ValueError, match=r"^seed = -1 is outside \[0, "):
        checks.check_seed(-1)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1)])
def test_a_number_in_its_range_passes(value):
    checks.check_number(value, "top_p", 0.0, 1.0, "a number in [0, 1]")


def test_a_number_out_of_its_range_says_what_was_wanted():
    def check(value):
        checks.check_number(value, "top_p", checks.SMALLEST, 1.0, "a number in (0, 1]")

    check(5e-324)
    for value in (0.0, 1.5, float("inf"), float("nan"), np.float64(-1.0)):
        with pytest.raises(ValueError, match=r"^top_p = [-\d.infa]+, wanted a number in \(0, 1\]$"):
            check(value)
    for value in (True, "0.5", None, 1j):
        kind = type(value).__name__
        with pytest.raises(TypeError, match=rf"^top_p is {kind}, wanted a number in \(0, 1\]$"):
            check(value)


def test_bounds_for_open_ranges_are_next_to_the_bound():
    assert np.nextafter(0.0, 1.0) == checks.SMALLEST
    assert np.nextafter(1.0, 0.0) == checks.BELOW_ONE
    assert np.nextafter(np.inf, 0.0) == checks.LARGEST


def test_seeds_without_a_value_differ():
    assert checks.check_seed(None) != checks.check_seed(None)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i4", "i8"])
def test_tokens_of_a_token_dtype_are_not_copied_whatever_their_stride(dtype):
    tokens = np.arange(10, dtype=dtype)[::-2]
    assert checks.check_tokens(tokens) is tokens


def test_tokens_in_a_foreign_byte_order_are_converted():
    tokens = np.array([1, 2, 300], dtype=">u2")
    result = checks.check_tokens(tokens)
    assert result.dtype == np.dtype("=u2")
    assert result.tolist() == [1, 2, 300]


def test_tokens_that_are_not_aligned_are_copied():
    tokens = np.frombuffer(bytes(9), np.uint8)[1:].view("u4")
    assert checks.check_tokens(tokens).flags.aligned


def test_each_kind_of_bad_array_has_its_error():
    wanted = "uint8, uint16, uint32, int32 or int64"
    with pytest.raises(TypeError, match=f"^starts is list, wanted a 1-D NumPy array of {wanted}$"):
        checks.check_tokens([1, 2], "starts")
    with pytest.raises(TypeError, match=f"^tokens has dtype float64, wanted {wanted}$"):
        checks.check_tokens(np.zeros(2))
    with pytest.raises(ValueError, match=r"^tokens has shape \(1, 2\), wanted one dimension$"):
        checks.check_tokens(np.zeros((1, 2), np.uint8))
    with pytest.raises(TypeError, match=r"^offsets is list, wanted a 1-D NumPy array of int64$"):
        checks.check_offsets([0, 1])
    with pytest.raises(TypeError, match=r"^offsets has dtype int32, wanted int64$"):
        checks.check_offsets(np.zeros(2, np.int32))
    with pytest.raises(ValueError, match=r"^offsets has shape \(\), wanted one dimension$"):
        checks.check_offsets(np.array(0))
    with pytest.raises(TypeError, match=r"^indices is tuple, wanted a 1-D NumPy array$"):
        checks.check_vectors(indptr=np.zeros(1), indices=())
    with pytest.raises(TypeError, match=r"^weight has dtype int64, wanted float32 or float64$"):
        checks.check_table(np.zeros((2, 2), np.int64))
    with pytest.raises(ValueError, match=r"^weight has shape \(2,\), wanted two dimensions$"):
        checks.check_table(np.zeros(2))


def test_an_id_outside_the_vocabulary_is_named_with_its_place():
    with pytest.raises(ValueError, match=r"^ids\[17\] = 300 is outside \[0, 256\)$"):
        checks.check_ids([0] * 17 + [300], 256)
    with pytest.raises(ValueError, match=r"^idx\[1, 0\] = -1 is outside \[0, 5\)$"):
        checks.check_inside(np.array([[0, 4], [-1, 9]]), 5, "idx")
    with pytest.raises(ValueError, match=r"^ids = 5 is outside \[0, 5\)$"):
        checks.check_inside(np.array(5), 5, "ids")
    with pytest.raises(TypeError, match=r"^ids has dtype float64, wanted integers$"):
        checks.check_ids([0.5], 5)


def test_ids_keep_their_dtype_unless_int64_is_asked_for():
    ids = np.array([1, 2], dtype=np.uint8)
    assert checks.check_ids(ids, 3) is ids
    assert checks.check_int64_ids(ids, 3, "ids").dtype == np.int64
    assert checks.check_ids([], 3).dtype == np.int64


def test_both_sides_of_the_pairs_have_one_length():
    rows, columns = checks.check_pairs([0, 1], np.array([1, 0], np.uint8), 2)
    assert rows.dtype == columns.dtype == np.int64
    with pytest.raises(ValueError, match=r"^nexts has length 1, wanted that of contexts, 2$"):
        checks.check_pairs([0, 1], [0], 2)


def test_counts_beyond_int64_are_refused():
    checks.check_int64(np.array([2**63 - 1], np.uint64), "counts")
    with pytest.raises(ValueError, match=r"^counts holds 9223372036854775808, wanted at most"):
        checks.check_int64(np.array([2**63], np.uint64), "counts")


def test_an_output_array_is_returned_as_it_is_or_refused():
    out = np.zeros((2, 3))
    assert checks.check_out(out, (2, 3), np.float64) is out
    read_only = np.zeros((2, 3))
    read_only.flags.writeable = False
    refused = [
        ([0.0], TypeError, "out is list, wanted a NumPy array"),
        (np.zeros((2, 3), np.float32), TypeError, "out has dtype float32, wanted float64"),
        (np.zeros((2, 3), ">f8"), TypeError, "out has dtype >f8, wanted float64"),
        (np.zeros((3, 2)), ValueError, r"out has shape \(3, 2\), wanted \(2, 3\)"),
        (read_only, ValueError, "out is read-only, wanted a writeable array"),
        (np.zeros((2, 6))[:, ::2], ValueError, "out is strided .*, wanted a C-contiguous array"),
    ]
    for bad, error, message in refused:
        with pytest.raises(error, match=f"^{message}$"):
            checks.check_out(bad, (2, 3), np.float64)
    with pytest.raises(ValueError, match=r"^out overlaps an input in memory, wanted memory of its"):
        checks.check_out(out, (2, 3), np.float64, out[1])


_MASKED = np.ma.masked_array(np.array([0, 1, 0]), mask=[0, 1, 0])


@pytest.mark.parametrize(
    "check",
    [
        checks.check_tokens,
        checks.check_offsets,
        lambda a: checks.check_vectors(tokens=a),
        lambda a: checks.check_ids(a, 2),
        lambda a: checks.check_out(a, (3,), np.int64),
        lambda a: checks.check_table(a.astype(np.float64)[None]),
        lambda a: kernels.count_bigrams(a, 2),
        lambda a: kernels.score_sequences(np.zeros((2, 2)), a),
        lambda a: kernels.score_sequences(np.ma.masked_array(np.zeros((2, 2))), a.data),
        lambda a: kernels.multinomial(np.ma.masked_array(np.ones((2, 2))), 1, seed=0),
        lambda a: kernels.sgd_update(a.astype(np.float64), np.zeros(3), learning_rate=0.1),
        lambda a: kernels.sample_sequences(
            np.ma.masked_array(np.eye(2)), 1, stop=0, max_length=3, seed=0
        ),
        lambda a: kernels.softmax_cross_entropy(np.ma.masked_array(np.eye(2)), a.data[:2]),
        lambda a: kernels.softmax_cross_entropy(np.zeros((3, 2)), a),
        lambda a: DenseTable(np.ma.masked_array(np.eye(2))),
        lambda a: bigram.NeuralModel(2, weight=np.ma.masked_array(np.eye(2))),
        lambda a: bigram.NeuralModel(2).fit(a, steps=1, learning_rate=0.1),
        lambda a: bigram.WittenBell(base=a),
        lambda a: bigram.TorchGenerator(1).multinomial(a.astype(np.float64)),
    ],
)
def test_a_masked_array_is_refused_wherever_arrays_come_in(check):
    with pytest.raises(TypeError, match="is a masked array, wanted a plain one"):
        check(_MASKED)
