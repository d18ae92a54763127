"""The ids of the characters of UTF-8 text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import bad_shape, check_index, check_out

__all__ = ["encode_characters"]

_ID_DTYPES = frozenset(np.dtype(t) for t in (np.uint8, np.uint16, np.uint32))


def encode_characters(
    text: bytes | npt.NDArray[np.uint8],
    table: npt.NDArray[Any],
    *,
    missing: int | None = None,
    out: npt.NDArray[Any] | None = None,
) -> tuple[npt.NDArray[Any], int]:
    """Look up the characters of UTF-8 text in a table of ids.

    ``ids[k] = table[code point of character k]``; a code point beyond the table takes its last
    entry. A lone surrogate in its three-byte form counts as a character.

    Parameters
    ----------
    text : bytes, or uint8 array, shape (n_bytes,)
    table : array, shape (n,), uint8, uint16 or uint32
        The id of each code point; at least one entry.
    missing : int, optional
        Stop before the first character that has this entry.
    out : array, shape (m,), of the table's dtype, optional
        Receives the ids. Encoding stops when it is full; as many entries as there are bytes are
        always enough.

    Returns
    -------
    ids : array, shape (n_characters,), of the table's dtype
        A view of `out` if that is given.
    num_bytes : int
        The number of bytes that were read: all, or those before the first character that is
        missing or the first bytes that are not UTF-8.

    Raises
    ------
    TypeError
        If `text` is neither bytes nor a uint8 array, or `table` has another dtype.
    ValueError
        If `table` is empty or not 1-D, or `out` cannot take the ids.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import encode_characters
    >>> table = np.zeros(256, np.uint8)
    >>> table[ord("a")], table[ord("é")] = 1, 2
    >>> encode_characters("aéb".encode(), table)
    (array([1, 2, 0], dtype=uint8), 4)
    >>> encode_characters("aéb".encode(), table, missing=0)
    (array([1, 2], dtype=uint8), 3)
    """
    data = text if isinstance(text, np.ndarray) else np.frombuffer(text, dtype=np.uint8)
    if data.dtype != np.uint8 or data.ndim != 1:
        raise TypeError(f"text has dtype {data.dtype} and {data.ndim} dimensions, wanted uint8, 1")
    given: Any = table
    if not isinstance(given, np.ndarray) or given.dtype not in _ID_DTYPES:
        kind = getattr(given, "dtype", type(given).__name__)
        raise TypeError(f"table is {kind}, wanted an array of uint8, uint16 or uint32")
    if table.ndim != 1 or table.size == 0:
        raise bad_shape(table, "table", "one dimension and an entry")
    data, table = np.ascontiguousarray(data), np.ascontiguousarray(table, table.dtype.type)
    if out is None:
        ids = np.empty(data.size, table.dtype)
    else:
        ids = check_out(out, getattr(out, "shape", ()), table.dtype, data, table)
    id_of_missing = -1 if missing is None else check_index(missing, "missing", 0)
    num_bytes, count = _core.encode_characters(ids, data, table, id_of_missing)
    return ids[:count], num_bytes
