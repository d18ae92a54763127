"""Counts in SciPy's .npz files."""

from __future__ import annotations

import io
import os
import tokenize
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.types import Array, Csr, StrPath
from bigram.counts.columns import is_far_too_large, metadata, parse_metadata
from bigram.counts.foreign import checked_matrix
from bigram.counts.matrix import as_sparse
from bigram.storage.atomic import atomic_write
from bigram.tokenizers.protocol import Tokenizer

if TYPE_CHECKING:
    import zipfile

__all__ = ["read_npz", "write_npz"]

# What a file may unpack to whatever its size, and for each of its bytes. Zeros shrink 1,000 times.
_FREE_BYTES, _BYTES_PER_BYTE = 1 << 26, 64

_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "dia": ("data", "offsets"),
    "coo": ("data", "row", "col"),
}


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
    import zipfile  # takes 5 ms

    name, tokenizer = os.fspath(path), None
    try:
        with open(name, "rb") as file, zipfile.ZipFile(file) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
            packed = os.fstat(file.fileno()).st_size
            if unpacked > _FREE_BYTES + _BYTES_PER_BYTE * packed:
                raise ValueError(
                    f"{packed} bytes that unpack to {unpacked}, refused as too many: if they are "
                    "meant, give BigramCounts what scipy.sparse.load_npz reads"
                )
            parts = {info.filename: info for info in archive.infolist()}
            if any(info.header_offset < 0 for info in archive.infolist()):
                raise ValueError("a part begins before the file")
            arrays = {key[:-4]: _array(archive, parts[key]) for key in parts if key[-4:] == ".npy"}
        if "bigram" in arrays:
            tokenizer = parse_metadata(name, arrays["bigram"].tobytes()).tokenizer
        matrix = checked_matrix(_matrix(arrays, unpacked), tokenizer)
    except (
        AttributeError,
        EOFError,
        KeyError,
        OverflowError,
        RuntimeError,  # encryption, a compression, or a version of zip that does not exist
        SyntaxError,
        TypeError,
        ValueError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"{name}: not an .npz file of counts, or damaged: {error}") from None
    return as_sparse(matrix), tokenizer


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    """Return an array of the archive; what its header claims must fit into its bytes."""
    data = bytearray(archive.read(info))
    head = io.BytesIO(memoryview(data)[:65_600])
    version = np.lib.format.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{info.filename} has version {version} of .npy, wanted 1.0 or 2.0")
    one = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(head)
    if dtype.hasobject or dtype.itemsize == 0:
        raise ValueError(f"{info.filename} has dtype {dtype}, wanted numbers")
    array = np.frombuffer(data, dtype, -1, head.tell())
    return array.reshape(shape, order="F" if is_fortran else "C")


def _matrix(arrays: Mapping[str, Array], num_bytes: int) -> Any:
    """Return the matrix of SciPy that the arrays describe, whose elements are not checked yet."""
    import scipy.sparse as sp

    layout = bytes(arrays["format"].astype("S8").item()).decode("ascii")
    if layout not in _PARTS:
        raise ValueError(f"format = {layout!r}, wanted one of {', '.join(_PARTS)}")
    shape = tuple(int(n) for n in arrays["shape"].tolist())
    if is_far_too_large(max(shape, default=0), num_bytes):
        raise ValueError(f"shape = {shape}, far more than {num_bytes} bytes can hold")
    data, *rest = (arrays[part] for part in _PARTS[layout])
    make = getattr(sp, f"{layout}_array")
    if layout == "coo":
        return make((data, tuple(rest)), shape=shape)
    return make((data, *rest), shape=shape)
