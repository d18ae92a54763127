"""Twins of the sequences drawn from a model with backoff: the same tokens, drawn one by one.

A model is indptr (V + 1,), indices (pairs,), weights (pairs,), backoff (V,) and base (V,): the
weight of a stored pair is its own, that of any other is ``backoff[i] * base[j]``. A model is whole
and interpolated if no row is cut and no stored pair weighs less than the base gives it. Then a row
is the base with weight ``backoff[i] * sum(base)``, and what its pairs have beyond that. Any other
row is its stored pairs, and the base without them.

Step t of sequence s has the words of Philox block (t, s). The first 64 bits draw a cell of the
row's alias table; where it says so, the second 64 bits draw from the base. If the token drawn is a
stored pair of a model that is not interpolated, draw r = 1 .. 64 takes the first 64 bits of block
(t + r * 2**32, s); after that, the second half of the last block picks from the unseen tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram.reference.philox import philox

__all__ = [
    "BackoffSampler",
    "backoff_weights",
    "prepare_backoff_sampler",
    "sample_backoff_sequences",
]

_FROM_BASE = -1  # in place of a token
_FULL = 2**64 - 1  # the threshold of a cell that is all its own
_REJECTIONS = 64

Floats = npt.NDArray[np.float64]
Cell = tuple[int, int, int]  # threshold, own token, alias


@dataclass(frozen=True)
class BackoffSampler:
    """What sequences are drawn from; `stored`, `order`, `ranked` and `limits` are for rejections.

    Attributes
    ----------
    cells : list of list of Cell
        The alias table of each row; empty for a row without mass.
    base_cells : list of Cell
        The alias table of the base; empty where rows are cut.
    stored : list of set of int
        The tokens that are not drawn from the base; empty sets in an interpolated model.
    order : ndarray, shape (V,)
        All ids by descending base, ties from the lower id on: the id of each rank.
    ranked : ndarray, shape (V,)
        The base in this order.
    limits : list of int
        The ranks below which a row may draw from the base.
    """

    cells: list[list[Cell]]
    base_cells: list[Cell]
    stored: list[set[int]]
    order: npt.NDArray[np.int64]
    ranked: Floats
    limits: list[int]


def backoff_weights(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: Floats,
    backoff: Floats,
    base: Floats,
    contexts: npt.NDArray[Any],
) -> Floats:
    """Return whole rows (B, V) of weights, in proportion to which a model is sampled."""
    rows: Floats = backoff[contexts, None] * base
    for row, context in zip(rows, contexts, strict=True):
        stored = slice(indptr[context], indptr[context + 1])
        row[indices[stored]] = weights[stored]
    return rows


def prepare_backoff_sampler(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[Any],
    weights: Floats,
    backoff: Floats,
    base: Floats,
    *,
    top_k: int | None = None,
    top_p: float | None = None,
) -> BackoffSampler:
    """Make the alias tables of all rows."""
    size = len(base)
    k, p = top_k or size, top_p or 1.0
    whole = k >= size and p >= 1.0
    rows = np.repeat(np.arange(size), np.diff(indptr))
    beyond = weights - backoff[rows] * base[indices]
    interpolated = whole and bool((beyond >= -1e-12 * weights).all())
    order = np.argsort(-base, kind="stable")
    ranked = base[order]
    cells: list[list[Cell]] = []
    stored_tokens: list[set[int]] = []
    limits: list[int] = []
    for i in range(size):
        pairs = slice(indptr[i], indptr[i + 1])
        ids = indices[pairs].tolist()
        if interpolated:
            kept = dict(zip(ids, beyond[pairs].tolist(), strict=True))
            limit, others = size, [(_FROM_BASE, float(backoff[i] * _sum(base)))]
            stored_tokens.append(set())
        else:
            stored = dict(zip(ids, weights[pairs].tolist(), strict=True))
            kept, limit = _cut_row(stored, backoff[i] * ranked, order.tolist(), k, p)
            others = _unseen_part(stored, float(backoff[i]), ranked, order, limit)
            stored_tokens.append(set(ids))
        own = [(token, weight) for token, weight in kept.items() if weight > 0]
        cells.append(_alias_cells(own + others))
        limits.append(limit)
    base_cells = _alias_cells(list(enumerate(base.tolist()))) if whole else []
    return BackoffSampler(cells, base_cells, stored_tokens, order, ranked, limits)


def sample_backoff_sequences(
    sampler: BackoffSampler,
    vocab_size: int,  # noqa: ARG001 - decides the kernel's dtype
    starts: npt.NDArray[Any],
    *,
    max_length: int,
    stop: int | None = None,
    seed: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw each token from the row of the one before it."""
    tokens: list[int] = []
    offsets = [0]
    for sequence, start in enumerate(starts.tolist()):
        token = start
        for step in range(max_length):
            context = token
            if not sampler.cells[context]:
                raise ValueError(f"sequence {sequence} reached context {context} without mass")
            token = _draw_cell(sampler.cells[context], _word(seed, step, sequence, 0))
            if token == _FROM_BASE:
                token = _draw_unseen(sampler, context, seed, step, sequence)
            if token == stop:
                break
            tokens.append(token)
        offsets.append(len(tokens))
    return np.array(tokens, np.int64), np.array(offsets)


def _cut_row(
    stored: dict[int, float], unseen: Floats, order: list[int], top_k: int, top_p: float
) -> tuple[dict[int, float], int]:
    """Keep the top_k largest entries of a row, then the fewest that have top_p of the mass.

    `unseen` are the weights by rank of tokens that are not stored. Returns the stored pairs that
    are kept, and the rank below which unseen tokens are.
    """
    limit = int((unseen > 0).sum())
    by_rank = [(r, order[r], float(unseen[r])) for r in range(limit)]
    row = [(token, weight, -1) for token, weight in stored.items() if weight > 0]
    row += [(token, weight, r) for r, token, weight in by_rank if token not in stored]
    row.sort(key=lambda entry: (-entry[1], entry[0]))
    if top_k < len(row):
        row = row[:top_k]
        limit = 1 + max(rank for _, _, rank in row)
    if top_p < 1.0:
        wanted = top_p * sum(weight for _, weight, _ in row)
        before = np.cumsum([0.0, *(weight for _, weight, _ in row)])
        row = [entry for entry, mass in zip(row, before, strict=False) if mass < wanted]
        for r, token, weight in by_rank[:limit]:
            mass = sum(w for j, w in stored.items() if (-w, j) <= (-weight, token))
            mass += sum(w for _, j, w in by_rank[:r] if j not in stored)
            if mass >= wanted:
                limit = r
                break
    kept = {token for token, _, rank in row if rank < 0}
    return {token: weight for token, weight in stored.items() if token in kept}, limit


def _unseen_part(
    stored: dict[int, float], backoff: float, ranked: Floats, order: npt.NDArray[Any], limit: int
) -> list[tuple[int, float]]:
    """Return what a row that rejects stored tokens draws besides its pairs.

    That is one cell for the base, or a cell for each unseen token as well, which are drawn
    directly where they are few and most draws from the base would be rejected.
    """
    tokens = order[:limit].tolist()
    unseen = [(j, w) for j, w in zip(tokens, ranked.tolist(), strict=False) if j not in stored]
    rest = backoff * sum(w for _, w in unseen)
    few = len(unseen) <= 64 + 2 * len(stored)
    if unseen and few and rest < 0.9 * backoff * _sum(ranked[:limit]):
        return [*((j, backoff * w) for j, w in unseen), (_FROM_BASE, 0.0)]
    return [(_FROM_BASE, rest)]


def _alias_cells(entries: list[tuple[int, float]]) -> list[Cell]:
    """Deal the masses of (token, mass) out to cells of equal size; empty if there is no mass.

    Walker 1977; Vose 1991. A light cell is topped up by a heavy one, which becomes a light one as
    it runs low; both are taken in ascending order, so that the bits are a function of the masses.
    """
    size = len(entries)
    total = _sum(np.array([mass for _, mass in entries]))
    if not total > 0:
        return []
    own = [token for token, _ in entries]
    heaviest = max(range(size), key=lambda k: entries[k][1])
    mass = [mass / total * size for _, mass in entries]
    light = [k for k in range(size) if mass[k] < 1.0]
    heavy = [k for k in range(size) if mass[k] >= 1.0]
    cells = [(_FULL, token, token) for token in own]
    for k in light:  # grows while it is walked
        if heavy:
            giver = heavy[0]
            cells[k] = (_threshold(mass[k]), own[k], own[giver])
            mass[giver] -= 1.0 - mass[k]
            if mass[giver] < 1.0:
                light.append(heavy.pop(0))
        elif mass[k] <= 0.0:  # rounding left no heavy cell
            cells[k] = (0, own[k], own[heaviest])
    return cells


def _threshold(share: float) -> int:
    return _FULL if share >= 1.0 else max(int(share * 2.0**64), 0)


def _draw_cell(cells: list[Cell], word: int) -> int:
    """Draw from an alias table: word * size / 2**64 names a cell, its fraction shares it out."""
    place, fraction = divmod(word * len(cells), 2**64)
    threshold, own, alias = cells[place]
    return own if fraction < threshold else alias


def _draw_unseen(sampler: BackoffSampler, context: int, seed: int, step: int, sequence: int) -> int:
    """Draw from the base until the token is not stored, 64 times at most."""
    stored = sampler.stored[context]
    random = _word(seed, step, sequence, 1)
    for rejections in range(_REJECTIONS + 1):
        if rejections:
            random = _word(seed, step + (rejections << 32), sequence, 0)
        token = _draw_base(sampler, sampler.limits[context], random)
        if token not in stored:
            return token
    # The tokens that are left, in the order of their ranks.
    limit = sampler.limits[context]
    unseen = [r for r in range(limit) if int(sampler.order[r]) not in stored]
    sums = np.cumsum(sampler.ranked[unseen])
    random = _word(seed, step + (_REJECTIONS << 32), sequence, 1)
    place = np.searchsorted(sums, _unit(random) * sums[-1], side="right")
    return int(sampler.order[unseen[min(int(place), len(unseen) - 1)]])


def _draw_base(sampler: BackoffSampler, limit: int, random: int) -> int:
    """Draw from the base: by its alias table, or below a rank by its cumulative sums."""
    if sampler.base_cells:
        return _draw_cell(sampler.base_cells, random)
    sums = np.cumsum(sampler.ranked[:limit])
    place = np.searchsorted(sums, _unit(random) * sums[-1], side="right")
    return int(sampler.order[min(int(place), limit - 1)])


def _word(seed: int, block: int, sequence: int, half: int) -> int:
    words = philox(seed, block, sequence)
    return words[2 * half] | words[2 * half + 1] << 32


def _unit(random: int) -> float:
    """Return a double in [0, 1) of the high 53 bits."""
    return (random >> 11) * 2.0**-53


def _sum(values: Floats) -> float:
    """Return the sum from left to right, as the kernel adds; NumPy's own sum adds in pairs."""
    return float(np.cumsum(values)[-1]) if len(values) else 0.0
