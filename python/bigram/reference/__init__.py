"""Readable NumPy twins of the kernels: for tests, for benchmarks, and to read first.

Each function has the name and the arguments of its kernel in :mod:`bigram.kernels`, and does the
plainest thing that is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bigram.reference.backoff import (
    backoff_rows,
    backoff_weights,
    score_backoff_pairs,
    score_backoff_sequences,
)
from bigram.reference.sampling import multinomial, philox, sample_sequences
from bigram.reference.training import (
    adamw_update,
    count_cross_entropy_grad,
    embedding_cross_entropy_grad,
    sgd_update,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    train_on_counts,
    train_on_windows,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array


__all__ = [
    "adamw_update",
    "add_counts",
    "backoff_rows",
    "backoff_weights",
    "count_bigrams",
    "count_bigrams_sparse",
    "count_cross_entropy_grad",
    "count_words",
    "embedding_cross_entropy_grad",
    "encode_characters",
    "encode_words",
    "multinomial",
    "normalize_rows",
    "philox",
    "sample_sequences",
    "score_backoff_pairs",
    "score_backoff_sequences",
    "score_sequences",
    "sgd_update",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "train_on_counts",
    "train_on_windows",
]


def count_bigrams(
    tokens: npt.NDArray[Any], vocab_size: int, *, offsets: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Pairs of neighbours in each sequence, (V, V); a pair is the number i * V + j."""
    sequences = [tokens] if offsets is None else np.split(tokens, offsets)[1:-1]
    counts = np.zeros(vocab_size * vocab_size, np.int64)
    for sequence in sequences:
        ids = sequence.astype(np.int64)
        pairs = ids[:-1] * vocab_size + ids[1:]
        counts += np.bincount(pairs, minlength=vocab_size * vocab_size)
    return counts.reshape(vocab_size, vocab_size)


def add_counts(
    a: csr_array[Any, tuple[int, int]], b: csr_array[Any, tuple[int, int]]
) -> csr_array[Any, tuple[int, int]]:
    """SciPy's sum of sparse matrices."""
    total: csr_array[Any, tuple[int, int]] = a + b
    return total


def count_bigrams_sparse(
    tokens: npt.NDArray[Any], vocab_size: int, *, offsets: npt.NDArray[np.int64] | None = None
) -> csr_array[Any, tuple[int, int]]:
    """Pairs of neighbours in each sequence, a (V, V) ``csr_array`` with sorted indices."""
    from scipy.sparse import coo_array

    ids = tokens.astype(np.int64)
    # Positions 1 ..: a pair ends there unless a sequence begins there.
    ends = np.ones(max(len(ids), 1), bool)
    ends[0] = False
    if offsets is not None:
        ends[: offsets[0]] = ends[offsets[-1] :] = False
        ends[offsets[offsets < len(ids)]] = False
    places = np.flatnonzero(ends)
    ones = np.ones(len(places), np.int64)
    shape = (vocab_size, vocab_size)
    counts = coo_array((ones, (ids[places - 1], ids[places])), shape=shape).tocsr()
    counts.sum_duplicates()
    return counts


def normalize_rows(
    counts: npt.NDArray[Any], *, alpha: float = 0.0, dtype: npt.DTypeLike = np.float64
) -> npt.NDArray[Any]:
    """Turn counts (rows, cols) into probabilities; a row without mass stays zero."""
    smoothed = counts.astype(np.float64) + alpha
    mass = counts.sum(axis=1, dtype=np.float64)[:, None] + alpha * counts.shape[1]
    probs = np.zeros_like(smoothed)
    np.divide(smoothed, mass, out=probs, where=mass > 0)
    return probs.astype(dtype)


def score_sequences(
    log_probs: npt.NDArray[Any],
    tokens: npt.NDArray[Any],
    *,
    offsets: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Sum log_probs (V, V) over the pairs of each sequence."""
    sequences = [tokens] if offsets is None else np.split(tokens, offsets)[1:-1]
    return np.array([log_probs[s[:-1], s[1:]].sum(dtype=np.float64) for s in sequences])


def count_words(text: bytes) -> dict[bytes, int]:
    """Count words between NUL, tab, newline, carriage return and space, in order of appearance."""
    counts: dict[bytes, int] = {}
    for word in text.translate(bytes.maketrans(b"\0\t\n\r", b"    ")).split(b" "):
        if word:
            counts[word] = counts.get(word, 0) + 1
    return counts


def encode_words(
    text: bytes, ids: dict[bytes, int], *, unknown: int, boundary: int
) -> tuple[list[int], list[int]]:
    """Encode whole lines, each between two boundaries: tokens and offsets."""
    tokens: list[int] = []
    offsets = [0]
    for line in text.split(b"\n")[:-1]:
        words = line.translate(bytes.maketrans(b"\0\t\r", b"   ")).split(b" ")
        tokens += [boundary, *(ids.get(word, unknown) for word in words if word), boundary]
        offsets.append(len(tokens))
    return tokens, offsets


def encode_characters(
    text: bytes, table: npt.NDArray[Any], *, missing: int | None = None
) -> tuple[list[int], int]:
    """Look up each character of UTF-8 text; stop before one whose entry is `missing`."""
    ids: list[int] = []
    num_bytes = 0
    for character in text.decode("utf-8", "surrogatepass"):
        index = int(table[min(ord(character), len(table) - 1)])
        if index == missing:
            break
        ids.append(index)
        num_bytes += len(character.encode("utf-8", "surrogatepass"))
    return ids, num_bytes
