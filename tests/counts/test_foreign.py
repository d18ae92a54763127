"""Matrices of counts that others made: any layout and dtype, and every kind of damage."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import bigram
from bigram import BigramCounts
from bigram.kernels import count_cross_entropy_grad

_LAYOUTS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")


def _forged(indptr: Any, indices: Any, data: Any, layout: str = "csr", size: int = 2) -> Any:
    """Return a matrix with arrays that SciPy would refuse, or not look at."""
    matrix = sp.csr_array((size, size), dtype=np.int64).asformat(layout)
    matrix.indptr, matrix.indices = np.array(indptr), np.array(indices, np.int64)
    matrix.data = np.array(data, np.int64)
    return matrix


@pytest.mark.parametrize("layout", _LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_every_layout_and_dtype_gives_the_same_counts(layout: str, dtype: Any) -> None:
    table = np.random.default_rng(1).integers(0, 3, (12, 12)).astype(dtype)
    assert BigramCounts(sp.coo_array(table).asformat(layout)) == BigramCounts(
        sp.csr_array(table.astype(np.int64))
    )


@pytest.mark.parametrize("layout", ["coo", "csr", "csc"])
def test_duplicates_of_a_small_dtype_are_widened_before_they_are_summed(layout: str) -> None:
    ones = np.ones(1000, np.uint8)
    if layout == "coo":
        matrix: Any = sp.coo_array((ones, (np.zeros(1000, int), np.ones(1000, int))), shape=(2, 2))
    elif layout == "csr":
        matrix = sp.csr_array((ones, np.ones(1000, int), [0, 1000, 1000]), shape=(2, 2))
    else:
        matrix = sp.csc_array((ones, np.zeros(1000, int), [0, 0, 1000]), shape=(2, 2))
    assert BigramCounts(matrix).to_dense().tolist() == [[0, 1000], [0, 0]]
    assert bigram.CountModel.from_counts(matrix).counts.total == 1000


def test_duplicates_whose_sum_passes_int64_are_refused_not_wrapped() -> None:
    huge = np.full(4, 2**62)
    for matrix in (
        sp.coo_array((huge, (np.zeros(4, int), np.ones(4, int))), shape=(2, 2)),
        sp.csr_array((huge, np.ones(4, int), [0, 4, 4]), shape=(2, 2)),
    ):
        with pytest.raises(ValueError, match="more than int64 can hold"):
            BigramCounts(matrix)


# In a process of its own: SciPy sorts outside of these arrays, and malloc may abort much later.
_CRASH = """
import sys
import numpy as np, scipy.sparse as sp
from bigram import BigramCounts
from bigram.kernels import add_counts
matrix = sp.{layout}_array((2, 2), dtype=np.int64)
matrix.indptr = np.array([0, {n}, 0])
sound = sp.csr_array((2, 2), dtype=np.int64)
for make in (
    lambda: BigramCounts(matrix),
    lambda: BigramCounts.from_npz(sys.argv[1]),
    lambda: add_counts(sound, matrix if matrix.format == "csr" else matrix.T),
):
    try:
        make()
    except ValueError as error:
        assert "indptr" in str(error), error
    else:
        raise SystemExit("taken")
[bytearray(n) for n in range(20_000)]
"""


@pytest.mark.parametrize("layout", ["csr", "csc"])
@pytest.mark.parametrize("n", [1, 3000, 2**40])
def test_row_starts_that_leave_empty_arrays_do_not_reach_scipy(
    layout: str, n: int, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "forged.npz"
    empty = np.zeros(0, np.int64)
    starts = np.array([0, n, 0])
    parts = {"data": empty, "indices": empty, "indptr": starts, "shape": np.array([2, 2])}
    np.savez(path, format=layout.encode(), _is_array=True, **parts)
    code = _CRASH.format(layout=layout, n=n)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("layout", ["csr", "csc"])
@pytest.mark.parametrize(
    ("indptr", "indices"),
    [([0, 1, 2], [0, 5]), ([0, 1, 2], [0, -1]), ([0, 2, 1], [0, 1]), ([1, 2, 2], [0, 1])],
)
def test_forged_arrays_are_refused(layout: str, indptr: Any, indices: Any) -> None:
    with pytest.raises(ValueError, match=r"indptr|indices hold"):
        BigramCounts(_forged(indptr, indices, [1, 1], layout))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint8])
def test_narrow_row_starts_are_refused(dtype: Any) -> None:
    matrix = _forged([0, 1, 2], [0, 1], [1, 1])
    matrix.indptr = matrix.indptr.astype(dtype)
    with pytest.raises(ValueError, match="wanted int32 or int64"):
        BigramCounts(matrix)


def test_coordinates_changed_after_the_fact_are_refused() -> None:
    matrix = sp.coo_array(np.eye(3, dtype=int))
    matrix.coords = (np.array([0, 1, 700]), np.array([0, 1, 2]))
    with pytest.raises(ValueError, match=r"rows hold 700, which is outside \[0, 3\)"):
        BigramCounts(matrix)


def test_a_negative_count_is_refused_even_where_a_duplicate_outweighs_it() -> None:
    with pytest.raises(ValueError, match="negative"):
        BigramCounts(sp.coo_array(([3, -1], ([0, 0], [1, 1])), shape=(2, 2)))


_USES: dict[str, Any] = {
    "total of rows": lambda c, _: c.context_counts(),
    "total of columns": lambda c, _: c.unigram_counts(),
    "continuation": lambda c, _: c.continuation_counts(),
    "top": lambda c, _: c.top(3),
    "row": lambda c, _: c.row(0),
    "prune": lambda c, _: c.prune(1),
    "pairs": lambda c, _: list(c.pairs()),
    "to_dense": lambda c, _: c.to_dense(),
    "to_scipy": lambda c, _: c.to_scipy(),
    "==": lambda c, _: c == BigramCounts(sp.csr_array((5000, 5000), dtype=int)),
    "+": lambda c, _: c + c,
    "merge": lambda c, _: bigram.merge(c, c),
    "save": lambda c, folder: c.save(folder / "a"),
    "to_tsv": lambda c, folder: c.to_tsv(folder / "a"),
    "to_npz": lambda c, folder: c.to_npz(folder / "a"),
    "fit": lambda c, _: bigram.CountModel.from_counts(c),
    "table": lambda c, _: bigram.KneserNey().table(c),
}


@pytest.mark.parametrize("use", _USES)
@pytest.mark.parametrize("damage", ["unsorted", "repeated", "outside", "negative", "starts"])
def test_counts_whose_arrays_were_changed_are_refused_by_every_use(
    use: str, damage: str, tmp_path: pathlib.Path, zipf_counts: Any
) -> None:
    counts = BigramCounts(zipf_counts(5000, 3000, 0))
    assert counts.matrix.has_canonical_format  # now SciPy remembers it
    assert counts.matrix.indptr[1] > 2
    indices = counts.matrix.indices
    if damage == "starts":
        counts.matrix.indptr[1] = 2**30
    elif damage == "unsorted":
        indices[:2] = indices[1::-1].copy()
    else:
        indices[1] = {"repeated": indices[0], "outside": 2**30, "negative": -5000}[damage]
    with pytest.raises(ValueError, match=r"indptr|indices"):
        _USES[use](counts, tmp_path)


def test_masked_arrays_are_refused_as_counts() -> None:
    masked = np.ma.masked_array(np.ones((2, 2), int), mask=np.eye(2))
    for use in (
        lambda: BigramCounts(masked),
        lambda: bigram.CountModel.from_counts(masked),
        lambda: count_cross_entropy_grad(np.zeros((2, 2)), masked),
        lambda: bigram.kernels.normalize_rows(masked),
    ):
        with pytest.raises(TypeError, match="is a masked array"):
            use()
