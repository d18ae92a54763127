"""Counts in SciPy's .npz files."""

from __future__ import annotations

import os
import zipfile
import zlib

import numpy as np

from bigram.common.types import Csr, StrPath
from bigram.counts.columns import metadata, parse_metadata
from bigram.counts.foreign import checked_matrix
from bigram.counts.matrix import as_sparse
from bigram.storage.atomic import atomic_write
from bigram.tokenizers.protocol import Tokenizer

__all__ = ["read_npz", "write_npz"]


def write_npz(matrix: Csr, tokenizer: Tokenizer | None, path: StrPath) -> None:
    """Write a file that ``scipy.sparse.load_npz`` reads, with the tokenizer beside the matrix."""
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            format=np.array(b"csr"),
            _is_array=np.array(True),
            shape=np.array(matrix.shape),
            data=matrix.data,
            indices=matrix.indices,
            indptr=matrix.indptr,
            bigram=np.frombuffer(metadata(int(matrix.shape[0]), tokenizer).encode(), np.uint8),
        )


def read_npz(path: StrPath) -> tuple[Csr, Tokenizer | None]:
    """Read a square matrix of counts that ``scipy.sparse.save_npz`` or `write_npz` wrote."""
    from scipy.sparse import load_npz

    name, tokenizer = os.fspath(path), None
    try:
        with open(name, "rb") as file:
            with np.load(file, allow_pickle=False) as content:
                if "bigram" in content:
                    _, tokenizer = parse_metadata(name, content["bigram"].tobytes())
            file.seek(0)
            matrix = checked_matrix(load_npz(file), tokenizer)
    except (
        AttributeError,
        EOFError,
        KeyError,
        OverflowError,
        RuntimeError,  # encryption, a compression, or a version of zip that does not exist
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"{name}: not an .npz file of counts, or damaged: {error}") from None
    return as_sparse(matrix), tokenizer
