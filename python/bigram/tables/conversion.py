"""Tables made from arrays, turned into backoff tables, and read as rows of probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import bad_kind, bad_value, check_int64_ids
from bigram.tables.backoff import BackoffTable
from bigram.tables.backoff_weights import backoff_weights
from bigram.tables.base import Table
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["as_backoff", "from_arrays", "probability_rows"]


def probability_rows(
    table: Table, contexts: ArrayLike | None = None, *, max_bytes: int | None = None
) -> NDArray[np.float64]:
    """Return whole rows of P(next | context), shape (B, V): of all contexts if None.

    ValueError if they would take more than `max_bytes`.
    """
    size = table.vocab_size
    ids = np.arange(size) if contexts is None else np.asarray(contexts)
    if max_bytes is not None and ids.size * size * 8 > max_bytes:
        raise ValueError(
            f"probs of {ids.size:,} contexts x {size:,} symbols would take more than "
            f"{max_bytes >> 30} GiB: use table.log_probs(contexts) on fewer contexts at a time"
        )
    if isinstance(table, DenseTable):  # the stored bits: exp(log(p)) may differ in the last one
        rows: NDArray[np.float64] = table.probs[check_int64_ids(ids, size, "contexts")]
        return rows
    return np.exp(table.log_probs(ids))


def as_backoff(table: Table) -> BackoffTable:
    """Return the model as stored pairs with a backoff, as an ARPA file holds it.

    A dense table is stored whole: all pairs of a probability above zero, with a backoff of zero.
    A mixture is approximated as SRILM's ``-mix-lm`` does: a pair that any of its tables stores
    keeps its probability; the others back off to the weighted sum of the bases.

    Parameters
    ----------
    table : Table

    Returns
    -------
    BackoffTable
        The table itself if it is one.

    Raises
    ------
    TypeError
        If it is another kind of table.

    Examples
    --------
    >>> import numpy as np
    >>> as_backoff(DenseTable(np.eye(3))).num_pairs
    3
    """
    if isinstance(table, BackoffTable):
        return table
    if isinstance(table, MixtureTable):
        return _collapsed(table)
    if isinstance(table, DenseTable):
        return _stored_whole(table)
    raise bad_kind(table, "table", "a dense, backoff or mixture table")


def _stored_whole(table: DenseTable) -> BackoffTable:
    rows, columns = np.nonzero(table.probs)
    indptr = np.searchsorted(rows, np.arange(table.vocab_size + 1))
    probs = table.probs[rows, columns]
    base = table.probs.mean(axis=0)  # never used, but an ARPA file lists 1-grams
    return BackoffTable(indptr, columns.astype(np.int32), probs, np.zeros(len(base)), base)


def _collapsed(mixture: MixtureTable) -> BackoffTable:
    parts = [as_backoff(table) for table in mixture.tables]
    size = mixture.vocab_size
    contexts = np.arange(size)
    keys = [np.repeat(contexts, np.diff(p.indptr)) * size + p.indices for p in parts]
    rows, columns = np.divmod(np.unique(np.concatenate(keys)), size)
    base = np.zeros(size)
    for weight, part in zip(mixture.weights, parts, strict=True):
        base += weight * part.base / max(float(part.base.sum()), 1e-300)  # a base may be all zero
    indptr = np.searchsorted(rows, np.arange(size + 1))
    probs = np.exp(mixture.pair_log_probs(rows, columns))
    backoff = backoff_weights(indptr, columns, probs, base)
    return BackoffTable(indptr, columns.astype(np.int32), probs, backoff, base)


def from_arrays(kind: str, arrays: Mapping[str, NDArray[Any]]) -> Table:
    """Make the table that has this `kind` and these `arrays()`.

    Parameters
    ----------
    kind : str
        "dense", "backoff" or "mixture".
    arrays : mapping of str to ndarray

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If there is no such kind, or if the arrays do not make a table of this kind.

    Examples
    --------
    >>> import numpy as np
    >>> table = DenseTable(np.eye(3))
    >>> from_arrays(table.kind, table.arrays()).vocab_size
    3
    """
    classes: tuple[type[Table], ...] = (DenseTable, BackoffTable, MixtureTable)
    by_kind = {table.kind: table for table in classes}
    if kind not in by_kind:
        raise bad_value(kind, "kind", f"one of {sorted(by_kind)}")
    return by_kind[kind].from_arrays(arrays)
