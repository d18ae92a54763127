"""Several steps of training: fused in one kernel for small vocabularies, else kernel by kernel.

Which way is taken depends on the shapes and options alone, so a run that is interrupted and
resumed, or watched step by step, gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.threads import resolve_num_threads
from bigram.common.types import Array
from bigram.kernels.count_cross_entropy import count_cross_entropy_grad
from bigram.kernels.embedding_cross_entropy import embedding_cross_entropy_grad
from bigram.kernels.optimizers import adamw_update, sgd_update

__all__ = ["TrainingSteps", "UpdateRule", "train_on_counts", "train_on_windows"]

FUSED_VOCAB = 256  # kMaxFusedVocab
_FUSED_CELLS = 1 << 26  # weights updated in one call: about 0.1 s between two looks at Ctrl-C


@dataclass(frozen=True)
class UpdateRule:
    """How a gradient changes the weight: by `sgd_update` or `adamw_update`, with these options.

    Attributes
    ----------
    name : {"sgd", "adamw"}
    momentum : float
        Only for "sgd".
    betas : (float, float)
        Only for "adamw", as `eps` is.
    eps : float
    weight_decay : float
    """

    name: Literal["sgd", "adamw"]
    momentum: float = 0.0
    betas: tuple[float, float] = (0.0, 0.0)
    eps: float = 0.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class TrainingSteps:
    """Several steps in a row, and how each turns its gradient into an update.

    Attributes
    ----------
    losses : ndarray of float64, shape (steps,)
        Receives the loss of each step before its update, penalty included.
    learning_rates : ndarray of float64, shape (steps,)
    steps_before : int
        The number of steps made before these.
    rule : UpdateRule
    l2 : float
        The factor of the penalty ``l2 * mean(weight**2)``.
    clip_norm : float or None
        The largest Euclidean norm of a gradient; larger ones are scaled down.
    num_threads : int or None
    """

    losses: npt.NDArray[np.float64]
    learning_rates: npt.NDArray[np.float64]
    steps_before: int
    rule: UpdateRule
    l2: float
    clip_norm: float | None
    num_threads: int | None


_PLAIN_DESCENT = UpdateRule("sgd")


def train_on_counts(
    weight: npt.NDArray[np.float32],
    buffers: Sequence[npt.NDArray[np.float32]],
    counts: Any,
    steps: TrainingSteps,
) -> int:
    """Make full-batch steps on the counts of all pairs.

    Parameters
    ----------
    weight : ndarray of float32, shape (V, V)
        Changed in place.
    buffers : sequence of ndarray of float32, shape (V, V)
        Those of the optimizer: none for SGD, the velocity with momentum, m and v for AdamW.
        Changed in place.
    counts : ndarray or csr_array of int64, shape (V, V)
    steps : TrainingSteps

    Returns
    -------
    int
        The number of losses before the first that is not finite, or of all. If one is not finite,
        weight and buffers are unspecified.
    """
    if _is_fused(weight, steps) and isinstance(counts, np.ndarray):
        threads = resolve_num_threads(steps.num_threads)
        pairs = np.ascontiguousarray(counts, np.int64)
        first, second = _moments(buffers)
        rule, settings = _settings(steps)

        def run(some: slice, rates: Array, before: int) -> None:
            losses = steps.losses[some]
            _core.train_on_counts(
                weight, first, second, pairs, losses, rates, before, rule, settings, threads
            )

        return _in_parts(weight, steps, run)
    total = int(counts.sum())
    grad = np.empty_like(weight)

    def gradient(_: int) -> tuple[float, Array]:
        return count_cross_entropy_grad(
            weight, counts, l2=steps.l2, total=total, out=grad, num_threads=steps.num_threads
        )

    return _one_by_one(weight, buffers, steps, gradient)


def train_on_windows(
    weight: npt.NDArray[np.float32],
    buffers: Sequence[npt.NDArray[np.float32]],
    tokens: Array,
    positions: npt.NDArray[np.int64],
    block_size: int,
    steps: TrainingSteps,
) -> int:
    """Make minibatch steps, each on the pairs in windows of `block_size` + 1 tokens.

    Parameters
    ----------
    weight, buffers, steps
        As for `train_on_counts`.
    tokens : ndarray of integers, shape (n,)
        Ids in [0, V).
    positions : ndarray of int64, shape (steps, batch_size)
        Where the windows of each step begin.
    block_size : int
        The number of pairs in a window.

    Returns
    -------
    int
        As for `train_on_counts`.

    Raises
    ------
    ValueError
        If a window ends outside the tokens, or has an id outside the vocabulary.
    """
    if _is_fused(weight, steps):
        return _fused_windows(weight, buffers, tokens, positions, block_size, steps)
    inside = np.arange(block_size)

    def examples(step: int) -> tuple[Array, Array]:
        at = (positions[step, :, None] + inside).ravel()
        return tokens[at], tokens[at + 1]

    if steps.rule == _PLAIN_DESCENT and not steps.l2 and steps.clip_norm is None:
        return _sparse_descent(weight, examples, steps)
    grad = np.empty_like(weight)

    def gradient(step: int) -> tuple[float, Array]:
        loss, _ = embedding_cross_entropy_grad(
            weight, *examples(step), out=grad, num_threads=steps.num_threads
        )
        if steps.l2:
            loss += steps.l2 * float(np.mean(np.square(weight, dtype=np.float64)))
            np.add(grad, np.float32(2 * steps.l2 / weight.size) * weight, out=grad)
        return loss, grad

    return _one_by_one(weight, buffers, steps, gradient)


def _fused_windows(
    weight: Array,
    buffers: Sequence[Array],
    tokens: Array,
    positions: Array,
    block_size: int,
    steps: TrainingSteps,
) -> int:
    threads = resolve_num_threads(steps.num_threads)
    starts = np.ascontiguousarray(positions, np.int64)
    first, second = _moments(buffers)
    rule, settings = _settings(steps)

    def run(some: slice, rates: Array, before: int) -> None:
        windows, losses = starts[some], steps.losses[some]
        bad = _core.train_on_windows(
            weight,
            first,
            second,
            tokens,
            windows,
            block_size,
            losses,
            rates,
            before,
            rule,
            settings,
            threads,
        )
        if bad >= 0:
            at = int(windows.flat[bad])
            raise ValueError(
                f"the window of {block_size + 1} tokens at {at} leaves the {len(tokens)} tokens"
                f" or holds an id outside [0, {len(weight)})"
            )

    return _in_parts(weight, steps, run)


def _is_fused(weight: Array, steps: TrainingSteps) -> bool:
    # The norm of a gradient ties all rows together; the fused kernel takes them one by one.
    return len(weight) <= FUSED_VOCAB and steps.clip_norm is None


def _moments(buffers: Sequence[Array]) -> tuple[Array | None, Array | None]:
    """Return the first and second moment, None for one that is not used."""
    first, second = [*buffers, None, None][:2]
    return first, second


def _settings(steps: TrainingSteps) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the number of the update rule and its constants, as the extension takes them."""
    rule = steps.rule
    number = 2 if rule.name == "adamw" else int(rule.momentum > 0)
    constants = [rule.momentum, *rule.betas, rule.eps, rule.weight_decay, steps.l2]
    return number, np.array(constants)


def _in_parts(weight: Array, steps: TrainingSteps, run: Callable[[slice, Array, int], None]) -> int:
    """Run the fused kernel on few enough steps at a time for Ctrl-C to be noticed."""
    size = max(1, _FUSED_CELLS // weight.size)
    for start in range(0, len(steps.losses), size):
        some = slice(start, start + size)
        run(some, steps.learning_rates[some], steps.steps_before + start)
        finite = np.isfinite(steps.losses[some])
        if not finite.all():
            return start + int(np.argmin(finite))
    return len(steps.losses)


def _one_by_one(
    weight: Array,
    buffers: Sequence[Array],
    steps: TrainingSteps,
    gradient: Callable[[int], tuple[float, Array]],
) -> int:
    """Make each step by one call of the gradient's kernel and one of the optimizer's."""
    rule, threads = steps.rule, steps.num_threads
    for step, rate in enumerate(steps.learning_rates.tolist()):
        loss, grad = gradient(step)
        steps.losses[step] = loss
        if not math.isfinite(loss):
            return step
        if steps.clip_norm is not None:
            flat = grad.ravel()
            norm = math.sqrt(float(np.einsum("i,i->", flat, flat, dtype=np.float64)))
            grad *= np.float32(min(1.0, steps.clip_norm / (norm + 1e-6)))
        if rule.name == "adamw":
            adamw_update(
                weight,
                grad,
                buffers[0],
                buffers[1],
                steps.steps_before + step + 1,
                learning_rate=rate,
                betas=rule.betas,
                eps=rule.eps,
                weight_decay=rule.weight_decay,
                num_threads=threads,
            )
        else:
            sgd_update(
                weight,
                grad,
                *buffers,
                learning_rate=rate,
                momentum=rule.momentum,
                weight_decay=rule.weight_decay,
                num_threads=threads,
            )
    return len(steps.losses)


def _sparse_descent(
    weight: Array, examples: Callable[[int], tuple[Array, Array]], steps: TrainingSteps
) -> int:
    """Make steps of plain descent, which change only the rows that have an example."""
    for step, rate in enumerate(steps.learning_rates.tolist()):
        contexts, targets = examples(step)
        loss, rows, values = embedding_cross_entropy_grad(
            weight, contexts, targets, sparse=True, num_threads=steps.num_threads
        )
        steps.losses[step] = loss
        if not math.isfinite(loss):
            return step
        values *= np.float32(rate)
        weight[rows] -= values
    return len(steps.losses)
