"""Models and counts in files, every byte checked when they are read.

A bigram file is one ``.safetensors``: arrays, and in its ``__metadata__`` a JSON document with the
kind of object, a CRC-32 for each array, the object's own header (tokenizer, smoothing, ...) and
where the file came from. The document has a CRC-32 too, so no byte that matters can change unseen.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import numpy as np

from bigram.common.types import Array, StrPath
from bigram.common.version import __version__
from bigram.storage.atomic import atomic_write
from bigram.storage.stored_array import StoredArray, as_hex, chunks, little_endian
from bigram.storage.stored_file import StoredFile

__all__ = ["load_arrays", "load_object", "open_arrays", "save_arrays"]

FORMAT_VERSION = 1

_DTYPES = {
    "BOOL": np.dtype("?"),
    **{f"U{8 * n}": np.dtype(f"<u{n}") for n in (1, 2, 4, 8)},
    **{f"I{8 * n}": np.dtype(f"<i{n}") for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": np.dtype(f"<f{n}") for n in (2, 4, 8)},
}
_DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


# What an object may raise that is made of arrays and a header of the wrong kind.
_UNSOUND = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

# safetensors refuses headers over 100 MB; a larger document (a vocabulary of millions of words)
# is stored as an array of its bytes.
_DOCUMENT_LIMIT = 1 << 20
_DOCUMENT_ARRAY = "__document__"

# Headers of this package are below; the library takes 100 MB and four times that to parse them.
_HEAD_LIMIT = 1 << 24


def save_arrays(
    path: StrPath,
    kind: str,
    arrays: Mapping[str, Array | StoredArray],
    header: Mapping[str, Any],
) -> None:
    """Write arrays and a JSON header to one ``.safetensors`` file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    kind : str
        What the file holds: ``"counts"``, ``"count_model"``, ``"neural_model"``.
    arrays : mapping of str to array
        Boolean, integer or floating arrays of any shape; a `StoredArray` is copied file to file.
    header : mapping of str to JSON values
        What else the object needs: its tokenizer, smoothing, source.

    Raises
    ------
    TypeError
        If an array's dtype or a header value cannot be stored; nothing is written then.
    OSError
        If the file cannot be written.
    """
    # Widest first, as safetensors does, so that every array is aligned.
    arrays = dict(sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize))
    descriptions = {}
    for name, array in arrays.items():
        dtype = _DTYPE_NAMES.get(little_endian(array.dtype))
        if dtype is None:
            raise TypeError(f"arrays[{name!r}] has dtype {array.dtype}, which cannot be stored")
        descriptions[name] = {"dtype": dtype, "shape": list(array.shape), "crc32": as_hex(0)}
    document = {
        "kind": kind,
        "arrays": descriptions,
        "header": dict(header),
        "provenance": {
            "package": "bigram",
            "package_version": __version__,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        },
    }
    sizes = {name: array.nbytes for name, array in arrays.items()}
    text = json.dumps(document).encode()
    with atomic_write(path) as file:
        # Checksums have a fixed width: the head is written once for its length, and again at the
        # end with what the single pass over the arrays has found.
        file.write(_head(text, descriptions, sizes))
        for name, array in arrays.items():
            crc = 0
            for chunk in chunks(array):
                crc = zlib.crc32(chunk, crc)
                file.write(chunk)
            descriptions[name]["crc32"] = as_hex(crc)
        text = json.dumps(document).encode()
        if len(text) > _DOCUMENT_LIMIT:
            file.write(text)
        file.seek(0)
        file.write(_head(text, descriptions, sizes))


def _head(text: bytes, descriptions: Mapping[str, Any], sizes: Mapping[str, int]) -> bytes:
    """Return the length and JSON that open a safetensors file whose document is `text`."""
    metadata = {
        "format": "bigram",
        "format_version": str(FORMAT_VERSION),
        "document_crc32": as_hex(zlib.crc32(text)),
    }
    entries: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, description in descriptions.items():
        start, end = end, end + sizes[name]
        shape, dtype = description["shape"], description["dtype"]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    if len(text) > _DOCUMENT_LIMIT:
        place = [end, end + len(text)]
        entries[_DOCUMENT_ARRAY] = {"dtype": "U8", "shape": [len(text)], "data_offsets": place}
    else:
        metadata["document"] = text.decode()
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head


def open_arrays(
    path: StrPath, *, kind: str | Collection[str] | None = None
) -> tuple[str, dict[str, StoredArray], dict[str, Any]]:
    """Read the header of a file that `save_arrays` wrote; the arrays are neither read nor verified.

    Parameters
    ----------
    path : str or path-like
    kind : str, collection of str or None
        The kinds wanted; None takes any.

    Returns
    -------
    kind : str
    arrays : dict of str to StoredArray
    header : dict
        The header that was saved, and ``"provenance"``: package version and creation time.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, foreign, of a newer version, or of another kind.
    """
    file = StoredFile(path)
    name = file.path
    entries, offset = _read_head(file)
    document = _read_document(file, entries, offset)
    arrays = {}
    try:
        for key, description in document["arrays"].items():
            entry = entries[key]
            dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
            start = offset + entry["data_offsets"][0]
            arrays[key] = StoredArray(file, start, dtype, shape, description["crc32"])
            if entry["dtype"] != description["dtype"] or entry["shape"] != description["shape"]:
                raise ValueError(f"array {key!r}")
            if start % dtype.itemsize:
                raise ValueError(f"array {key!r} is not aligned")
        found = document["kind"]
        if not isinstance(found, str):
            raise TypeError(f"kind is {type(found).__name__}")
        header = {**document["header"], "provenance": document["provenance"]}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: damaged: its header contradicts itself: {error}") from None
    wanted = [kind] if isinstance(kind, str) else kind
    if wanted is not None and found not in wanted:
        raise ValueError(f"{name}: holds {found!r}, wanted {' or '.join(map(repr, wanted))}")
    return found, arrays, header


def _read_head(file: StoredFile) -> tuple[dict[str, Any], int]:
    """Return the JSON that opens a safetensors file, and the offset at which its data start."""
    from safetensors import SafetensorError, safe_open

    try:
        length = int.from_bytes(_bytes_of(file, 0, 8), "little")
        if length > _HEAD_LIMIT:
            raise ValueError(f"a header of {length} bytes, wanted at most {_HEAD_LIMIT}")
        head = _bytes_of(file, 8, length)
        # The library checks sizes, offsets and limits; it gives no offsets.
        with _same_file(file) as name, safe_open(name, framework="numpy"):
            pass
        return json.loads(head), 8 + length
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"{file.path}: not a bigram file, or damaged: {error}") from None


def _bytes_of(file: StoredFile, offset: int, size: int) -> bytes:
    if offset + size > file.size:
        raise ValueError(f"it ends at byte {file.size}, wanted {offset + size} or more")
    return StoredArray(file, offset, np.dtype("u1"), (size,)).read().tobytes()


@contextlib.contextmanager
def _same_file(file: StoredFile) -> Iterator[str]:
    """Yield a path that names the file opened, even where another one has taken its name."""
    with file.descriptor() as descriptor:
        opened = f"/dev/fd/{descriptor}"
        yield opened if os.path.exists(opened) else file.path


def _read_document(file: StoredFile, entries: Mapping[str, Any], offset: int) -> dict[str, Any]:
    """Return the JSON document in the metadata, once its version and checksum are found right."""
    name = file.path
    metadata = entries.get("__metadata__", {})
    if metadata.get("format") != "bigram":
        raise ValueError(f"{name}: a safetensors file, but not one that bigram wrote")
    version = metadata.get("format_version")
    if version != str(FORMAT_VERSION):
        raise ValueError(
            f"{name}: has format version {version}, this bigram reads {FORMAT_VERSION}: "
            "written by a newer bigram, or damaged"
        )
    if _DOCUMENT_ARRAY in entries:
        entry = entries[_DOCUMENT_ARRAY]
        start, stop = entry["data_offsets"]
        text = _bytes_of(file, offset + start, stop - start)
    else:
        text = metadata.get("document", "").encode(errors="surrogatepass")
    if as_hex(zlib.crc32(text)) != metadata.get("document_crc32"):
        raise ValueError(f"{name}: damaged: its header differs from its checksum")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: damaged: its header is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{name}: damaged: its header is not a JSON object")
    return document


def load_arrays(
    path: StrPath, *, kind: str | Collection[str] | None = None, mmap: bool = False
) -> tuple[str, dict[str, Array], dict[str, Any]]:
    """Read what `save_arrays` wrote, every byte checked.

    Parameters
    ----------
    path : str or path-like
    kind : str, collection of str or None
        The kinds wanted; None takes any.
    mmap : bool
        Map the arrays read-only instead of copying them to memory. They are still read once, by
        chunks, to verify their checksums.

    Returns
    -------
    kind : str
    arrays : dict of str to array
    header : dict
        The header that was saved, and ``"provenance"``: package version and creation time.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, foreign, of a newer version, or of another kind.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from bigram.storage.container import load_arrays, save_arrays
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_arrays(f"{folder}/a", "counts", {"x": np.arange(3)}, {"source": "memory"})
    ...     kind, arrays, header = load_arrays(f"{folder}/a")
    >>> kind, arrays["x"].tolist(), header["source"]
    ('counts', [0, 1, 2], 'memory')
    """
    found, stored, header = open_arrays(path, kind=kind)
    return found, _read_all(stored, mmap), header


def _read_all(stored: Mapping[str, StoredArray], mmap: bool) -> dict[str, Array]:
    if not mmap:
        return {name: array.load() for name, array in stored.items()}
    for array in stored.values():
        array.verify()
    return {name: array.memmap() for name, array in stored.items()}


def load_object(path: StrPath, classes: Mapping[str, Any], *, mmap: Collection[str] = ()) -> Any:
    """Load an object that was saved, by its class.

    Parameters
    ----------
    path : str or path-like
    classes : mapping of str to class
        The class of each kind of file that is accepted; its ``_from_arrays(arrays, header)`` makes
        the object.
    mmap : collection of str
        Kinds whose arrays are memory-mapped.

    Returns
    -------
    object

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, foreign, of a newer version or of another kind.
    """
    found, stored, header = open_arrays(path, kind=tuple(classes))
    arrays = _read_all(stored, mmap=found in mmap)
    cls = classes[found]
    try:
        return cls._from_arrays(arrays, header)
    except _UNSOUND as error:
        reason = f"{type(error).__name__}: {error}"
        name = cls.__name__
        raise ValueError(f"{os.fspath(path)}: damaged: not a sound {name} ({reason})") from error
