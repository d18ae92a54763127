"""Writing ARPA files of order 2, as KenLM's lmplz does.

Logarithms are to base 10. The boundary of a tokenizer is ``<s>`` as a context and ``</s>`` as a
token; its unknown symbol is ``<unk>``. A probability or backoff of zero is written as -99.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.arpa.conventions import BEGIN, END, UNKNOWN, ZERO
from bigram.common.types import StrPath
from bigram.kernels.arpa import format_ngrams
from bigram.storage.atomic import atomic_write
from bigram.tables.backoff import BackoffTable
from bigram.tables.base import Table
from bigram.tables.conversion import as_backoff

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

    from bigram.tokenizers.protocol import Tokenizer

__all__ = ["write_arpa"]

_SEPARATORS = "\0\t\n\r "
_LINES = 1 << 20  # formatted at a time: tens of megabytes


def write_arpa(path: StrPath, table: Table, tokenizer: Tokenizer | None) -> None:
    """Write a model as an ARPA file, gzipped if the name ends in .gz.

    Parameters
    ----------
    path : str or path-like
    table : Table
        A dense table is written with all its pairs, a mixture as an approximation: see
        :func:`bigram.tables.conversion.as_backoff`.
    tokenizer : Tokenizer or None
        It must have a boundary. If it has no unknown symbol, ``<unk>`` gets probability zero.

    Raises
    ------
    ValueError
        If there is no boundary, or if an ARPA file cannot hold a symbol.
    OSError
        If the file cannot be written.
    """
    if tokenizer is None or tokenizer.boundary_id is None:
        raise ValueError(
            "an ARPA file needs a boundary symbol for <s> and </s>, and the tokenizer has none"
        )
    _check_symbols(tokenizer)
    backoff = as_backoff(table)
    with atomic_write(path) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
                _write(packed, backoff, tokenizer)
        else:
            _write(file, backoff, tokenizer)


def _check_symbols(tokenizer: Tokenizer) -> None:
    """Refuse symbols that a reader would split or take for others.

    All of them are searched as one string first: a loop over 256,000 symbols takes longer than
    writing them.
    """
    special = {tokenizer.boundary_id, tokenizer.unknown_id}
    words = [word for k, word in enumerate(tokenizer.vocab) if k not in special]
    together = "".join(words)
    if all(words) and not any(c in together for c in _SEPARATORS):
        # KenLM reads <UNK>, as others write it, for <unk>.
        refused = {BEGIN, END, UNKNOWN, UNKNOWN.upper()}.intersection(words)
    else:
        refused = {word for word in words if not word or any(c in word for c in _SEPARATORS)}
    if refused:
        raise ValueError(
            f"symbol {min(refused)!r} cannot be in an ARPA file: symbols must not be empty, hold "
            f"NUL, tab, newline, CR or space, or be {BEGIN}, {END}, {UNKNOWN} or {UNKNOWN.upper()}"
        )


def _write(file: BinaryIO | gzip.GzipFile, table: BackoffTable, tokenizer: Tokenizer) -> None:
    contexts, nexts = (_Symbols(tokenizer, boundary) for boundary in (BEGIN, END))
    extra = tokenizer.unknown_id is None
    head = f"\\data\\\nngram 1={table.vocab_size + 1 + extra}\nngram 2={table.num_pairs}\n"
    file.write(head.encode() + b"\n\\1-grams:\n")
    file.writelines(_unigrams(table, tokenizer, contexts, nexts))
    file.write(b"\n\\2-grams:\n")
    for rows in _row_blocks(table.indptr):
        pairs = slice(table.indptr[rows.start], table.indptr[rows.stop])
        lengths = np.diff(table.indptr[rows.start : rows.stop + 1])
        of_context = np.repeat(np.arange(rows.start, rows.stop), lengths)
        of_next = table.indices[pairs].astype(np.int64)
        values = np.minimum(_log10(table.probs[pairs]), 0.0)
        file.write(_lines(values, of_context, of_next, None, contexts, nexts).data)
    file.write(b"\n\\end\\\n")


class _Symbols:
    """All symbols as one piece of UTF-8 with offsets, under one of the boundary's two names."""

    def __init__(self, tokenizer: Tokenizer, boundary: str) -> None:
        words = list(tokenizer.vocab)
        words[tokenizer.boundary_id or 0] = boundary
        if tokenizer.unknown_id is not None:
            words[tokenizer.unknown_id] = UNKNOWN
        joined = ("\n".join(words) + "\n").encode("utf-8", "surrogatepass")
        ends = np.flatnonzero(np.frombuffer(joined, np.uint8) == ord("\n"))
        self.packed = joined.replace(b"\n", b""), np.append(0, ends - np.arange(len(ends)))


def _lines(
    log10: NDArray[np.float64],
    contexts: NDArray[np.int64] | None,
    nexts: NDArray[np.int64],
    backoffs: NDArray[np.float64] | None,
    context_symbols: _Symbols,
    next_symbols: _Symbols,
) -> NDArray[np.uint8]:
    return format_ngrams(
        log10, contexts, nexts, backoffs, context_symbols.packed, next_symbols.packed
    )


def _unigrams(
    table: BackoffTable, tokenizer: Tokenizer, contexts: _Symbols, nexts: _Symbols
) -> Iterator[Any]:
    """Yield the lines of <unk>, <s> and </s>, then those of the words in the order of ids."""
    probs = np.minimum(_log10(table.base), 0.0)
    backoffs = _log10(table.backoff)
    begin_backoff = backoffs[tokenizer.boundary_id or 0]
    backoffs[tokenizer.boundary_id or 0] = 0.0  # nothing follows </s>

    def lines(ids: NDArray[np.int64], values: Any, weights: Any, symbols: _Symbols) -> Any:
        return _lines(values, None, ids, weights, symbols, symbols).data

    boundary = np.array([tokenizer.boundary_id])
    if tokenizer.unknown_id is None:
        yield f"{ZERO:.0f}\t{UNKNOWN}\t0\n".encode()
    else:
        unknown = np.array([tokenizer.unknown_id])
        yield lines(unknown, probs[unknown], backoffs[unknown], nexts)
    yield lines(boundary, np.zeros(1), np.array([begin_backoff]), contexts)
    yield lines(boundary, probs[boundary], backoffs[boundary], nexts)
    special = [tokenizer.boundary_id, tokenizer.unknown_id]
    words = np.setdiff1d(np.arange(table.vocab_size), [k for k in special if k is not None])
    yield lines(words, probs[words], backoffs[words], nexts)


def _row_blocks(indptr: NDArray[np.int64]) -> Iterator[slice]:
    """Yield slices of contexts with at most _LINES pairs together, or of one that has more."""
    start, size = 0, len(indptr) - 1
    while start < size:
        end = int(np.searchsorted(indptr, indptr[start] + _LINES, side="right")) - 1
        stop = min(max(end, start + 1), size)
        yield slice(start, stop)
        start = stop


def _log10(values: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.full(len(values), ZERO)
    np.log10(values, out=result, where=values > 0.0)
    return result
