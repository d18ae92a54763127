"""Tables from arrays, as backoff tables, and as rows of probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import check_ids
from bigram.tables.backoff import BackoffTable
from bigram.tables.backoff_weights import backoff_weights
from bigram.tables.base import Table
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["as_backoff", "from_arrays", "probability_rows"]


def probability_rows(table: Table, contexts: ArrayLike) -> NDArray[np.float64]:
    """Return whole rows of P(next | context), shape (B, V)."""
    if isinstance(table, DenseTable):  # as they are, not through their logarithms
        rows: NDArray[np.float64] = table.probs[check_ids(contexts, table.vocab_size, "contexts")]
    else:
        rows = np.exp(table.log_probs(contexts))
    return rows


def as_backoff(table: Table) -> BackoffTable:
    """Return the model as pairs with a backoff, as an ARPA file holds it.

    Parameters
    ----------
    table : Table
        A dense table becomes all its pairs of a probability above zero, with no backoff. A
        mixture is approximated as by SRILM's -mix-lm: pairs that any of its tables stores have
        their probability, the others the weighted sum of the bases, backed off to.

    Returns
    -------
    BackoffTable

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
    if not isinstance(table, DenseTable):
        raise TypeError(f"a {type(table).__name__} has no form with a backoff")
    rows, columns = np.nonzero(table.probs)
    indptr = np.searchsorted(rows, np.arange(table.vocab_size + 1))
    base = table.probs.mean(axis=0)
    probs = table.probs[rows, columns]
    return BackoffTable(indptr, columns.astype(np.int32), probs, np.zeros(len(base)), base)


def _collapsed(mixture: MixtureTable) -> BackoffTable:
    parts = [as_backoff(table) for table in mixture.tables]
    size = mixture.vocab_size
    contexts = np.arange(size)
    keys = [np.repeat(contexts, np.diff(p.indptr)) * size + p.indices for p in parts]
    rows, columns = np.divmod(np.unique(np.concatenate(keys)), size)
    base = np.zeros(size)
    for weight, part in zip(mixture.weights, parts, strict=True):
        base += weight * part.base / max(float(part.base.sum()), 1e-300)
    indptr = np.searchsorted(rows, np.arange(size + 1))
    probs = np.exp(mixture.pair_log_probs(rows, columns))
    backoff = backoff_weights(indptr, columns, probs, base)
    return BackoffTable(indptr, columns.astype(np.int32), probs, backoff, base)


def from_arrays(kind: str, arrays: Mapping[str, NDArray[Any]]) -> Table:
    """Make a table of a `kind` from its `arrays()`.

    Parameters
    ----------
    kind : str
        The `kind` of the table's class.
    arrays : mapping of str to ndarray

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        For a kind that does not exist, or arrays that do not make such a table.

    Examples
    --------
    >>> import numpy as np
    >>> table = DenseTable(np.eye(3))
    >>> from_arrays(table.kind, table.arrays()).vocab_size
    3
    """
    kinds: tuple[type[Table], ...] = (DenseTable, BackoffTable, MixtureTable)
    for table in kinds:
        if kind == table.kind:
            return table.from_arrays(arrays)
    raise ValueError(f"kind = {kind!r} is no kind of table")
