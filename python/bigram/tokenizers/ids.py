"""Checks of texts and ids, and offsets, which the tokenizers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from bigram.common.types import Ids, Offsets


def id_dtype(vocab_size: int) -> np.dtype[Any]:
    """Return the smallest of uint8, uint16 and uint32 that can represent ``vocab_size - 1``."""
    return np.min_scalar_type(max(vocab_size - 1, 0))


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return `texts` as a list, checked to contain only str."""
    if isinstance(texts, (str, bytes)):
        raise TypeError(
            f"texts is a {type(texts).__name__}, wanted an iterable of str: pass [text]"
        )
    if isinstance(texts, Mapping):
        raise TypeError(f"texts is a {type(texts).__name__}, wanted an iterable of str")
    result = texts if isinstance(texts, list) else list(texts)
    for index, text in enumerate(result):
        if not isinstance(text, str):
            raise TypeError(f"texts[{index}] is {type(text).__name__}, wanted str")
    return result


def batch_offsets(texts: Sequence[str | bytes], extra: int) -> Offsets:
    """Return the offsets of sequences as long as `texts`, each with `extra` more ids."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + extra, out=offsets[1:])
    return offsets


def line_offsets(data: bytes, extra: int) -> Offsets:
    """Return the offsets of whole lines of bytes without newlines, each with `extra` more ids."""
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
    offsets = np.zeros(len(ends) + 1, dtype=np.int64)
    offsets[1:] = ends + np.arange(extra, extra + (extra - 1) * len(ends), extra - 1)
    return offsets


def between_boundaries(
    sequences: Sequence[Sequence[int]], boundary: int | None, vocab_size: int
) -> tuple[Ids, Offsets]:
    """Return tokens and offsets of lists of ids, each between two boundaries if there is one."""
    extra = 0 if boundary is None else 2
    offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    np.cumsum(lengths + extra, out=offsets[1:])
    flat = np.fromiter(chain.from_iterable(sequences), id_dtype(vocab_size), int(lengths.sum()))
    if boundary is None:
        return flat, offsets
    tokens = np.full(int(offsets[-1]), boundary, dtype=flat.dtype)
    inside = np.ones(tokens.size, dtype=bool)
    inside[offsets[:-1]] = False
    inside[offsets[1:] - 1] = False
    tokens[inside] = flat
    return tokens, offsets
