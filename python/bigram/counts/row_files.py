"""Counts in bigram's own files, read by rows and written by blocks of rows as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bigram.common.checks import check_index
from bigram.common.csr import index_dtype, make_csr
from bigram.common.types import Array, Csr, Dense, StrPath
from bigram.counts.matrix import check_layout, check_sparse
from bigram.counts.rows import DenseRows, Rows, SparseRows
from bigram.storage.atomic import temporary_folder
from bigram.storage.container import open_arrays, save_arrays
from bigram.storage.stored_array import StoredArray
from bigram.storage.stored_file import StoredFile

__all__ = [
    "arrays_of",
    "counts_from_arrays",
    "map_counts",
    "matrix_of",
    "open_rows",
    "write_sparse",
]


def write_sparse(
    path: StrPath, blocks: Iterable[Csr], vocab_size: int, bound: int, header: Mapping[str, Any]
) -> None:
    """Write blocks of rows, from the first to the last, as one file of sparse counts.

    Parameters
    ----------
    path : str or path-like
    blocks : iterable of csr_array, shape (rows, V)
        Together all V rows; only one is held at a time.
    vocab_size : int
        V.
    bound : int
        At least the number of pairs in all blocks: it decides the dtype of the indices.
    header : mapping
        Saved with the file.
    """
    dtype = index_dtype(bound)
    parts = {"indptr": dtype, "indices": dtype, "counts": np.dtype(np.int64)}
    with temporary_folder(path) as temporary:
        names = {part: os.path.join(temporary, part) for part in parts}
        num_pairs, total = 0, 0
        with (
            open(names["indptr"], "wb") as indptr,
            open(names["indices"], "wb") as indices,
            open(names["counts"], "wb") as counts,
        ):
            indptr.write(np.zeros(1, dtype).data)
            for block in blocks:
                starts = block.indptr[1:].astype(np.int64) + num_pairs
                indptr.write(starts.astype(dtype).data)
                indices.write(block.indices.astype(dtype, copy=False).data)
                counts.write(block.data.data)
                num_pairs += block.nnz
                total += int(block.data.sum())
        sizes = {"indptr": vocab_size + 1, "indices": num_pairs, "counts": num_pairs}
        arrays = {
            part: StoredArray(StoredFile(names[part]), 0, parts[part], (sizes[part],))
            for part in parts
        }
        save_arrays(path, "counts", arrays, {**header, "vocab_size": vocab_size, "total": total})


def open_rows(path: StrPath, *, verify: bool = True) -> tuple[Rows, dict[str, Any]]:
    """Open a file of counts to read it by rows.

    Its checksums are verified first, and then each block of rows is as it is read.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it does not hold counts, or is damaged.
    """
    _, arrays, header = open_arrays(path, kind="counts")
    if verify:
        for array in arrays.values():
            array.verify()
    try:
        vocab_size = header["vocab_size"]
        check_index(header["total"], "total", 0)
        if "matrix" in arrays:
            matrix = arrays["matrix"]
            if matrix.dtype != np.int64 or matrix.shape != (vocab_size, vocab_size):
                raise ValueError(f"a matrix of {matrix.dtype}, shape {matrix.shape}")
            return DenseRows(vocab_size, matrix), header
        parts = arrays["indptr"], arrays["indices"], arrays["counts"]
        check_layout(*parts, vocab_size)
        return SparseRows(vocab_size, *parts, verify), header
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: damaged: not sound counts: {error}") from None


def map_counts(path: StrPath) -> Csr:
    """Map a file of sparse counts that this process has just written, (V, V)."""
    _, arrays, _ = open_arrays(path, kind="counts")
    return counts_from_arrays({name: array.memmap() for name, array in arrays.items()})


def arrays_of(matrix: Dense | Csr) -> dict[str, Array]:
    """Return the arrays that a file holds of a matrix of counts."""
    if isinstance(matrix, np.ndarray):
        return {"matrix": matrix}
    return {"indptr": matrix.indptr, "indices": matrix.indices, "counts": matrix.data}


def matrix_of(arrays: Mapping[str, Array], vocab_size: int) -> Dense | Csr:
    """Return the matrix whose arrays a file holds; ValueError if a sparse one is not sound."""
    if "matrix" in arrays:
        return arrays["matrix"]
    check_sparse(arrays["indptr"], arrays["indices"], arrays["counts"], vocab_size)
    return counts_from_arrays(arrays)


def counts_from_arrays(arrays: Mapping[str, Array]) -> Csr:
    """Put the three arrays of a file of sparse counts together, unchecked."""
    indptr = arrays["indptr"]
    return make_csr(arrays["counts"], arrays["indices"], indptr, len(indptr) - 1)
