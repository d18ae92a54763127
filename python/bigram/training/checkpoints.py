"""Checkpoints: everything the next step depends on, in one file that is replaced whole.

A run that is killed and resumed goes on from the last checkpoint with the same weights, optimizer
state and random state, so it ends with the same bits as one that was never interrupted.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bigram.storage.container import load_arrays, save_arrays
from bigram.training.history import LossEstimate
from bigram.training.token_stream import TokenStream

if TYPE_CHECKING:
    from bigram.training.loop import Trainer

__all__ = ["resume", "save_if_due", "settings_of"]

KIND = "training_checkpoint"

# Options that change what a step does; a run cannot be resumed with others.
_SETTINGS = (
    "optimizer",
    "l2",
    "clip_norm",
    "batch_size",
    "block_size",
    "shuffle",
    "eval_every",
    "eval_batches",
    "patience",
    "min_delta",
)


def save_if_due(trainer: Trainer) -> None:
    """Write a checkpoint every `checkpoint_every` steps, and after the last."""
    options = trainer.options
    if options.checkpoint is None or options.checkpoint_every is None:
        return
    if trainer.step % options.checkpoint_every and trainer.step < options.steps:
        return
    arrays: dict[str, NDArray[Any]] = {
        "weight": trainer.weight,
        "losses": trainer.losses[: trainer.step],
        **{f"buffer{i}": buffer for i, buffer in enumerate(trainer.buffers)},
    }
    header: dict[str, Any] = {
        "step": trainer.step,
        "seconds": trainer.seconds,
        "settings": trainer.settings,
        "learning_rates": _crc(options.learning_rates[: trainer.step]),
        "evaluations": [list(astuple(e)) for e in trainer.evaluations],
        "batches": None if trainer.batches is None else trainer.batches.get_state(),
    }
    if trainer.early is not None:
        header["early"] = [trainer.early.best, trainer.early.waited]
        if trainer.early.weight is not None:
            arrays["best_weight"] = trainer.early.weight
    save_arrays(options.checkpoint, KIND, arrays, header)


def resume(trainer: Trainer) -> None:
    """Put a trainer where the last checkpoint was; without a file it starts from the beginning."""
    path = trainer.options.checkpoint
    assert path is not None
    if not os.path.exists(path):
        return
    _, arrays, header = load_arrays(path, kind=KIND)
    try:
        _refuse_other_settings(trainer, header)
        _restore(trainer, arrays, header)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path}: damaged: not a sound checkpoint ({error!r})") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _restore(trainer: Trainer, arrays: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    trainer.weight[...] = arrays["weight"]
    for i, buffer in enumerate(trainer.buffers):
        buffer[...] = arrays[f"buffer{i}"]
    trainer.step, trainer.seconds = int(header["step"]), float(header["seconds"])
    trainer.losses[: trainer.step] = arrays["losses"]
    trainer.evaluations = [LossEstimate(*values) for values in header["evaluations"]]
    if trainer.batches is not None:
        trainer.batches.set_state(header["batches"])
    if trainer.early is not None:
        trainer.early.best, trainer.early.waited = header["early"]
        trainer.early.weight = arrays.get("best_weight")
    trainer.model._weight_changed()


def _refuse_other_settings(trainer: Trainer, header: dict[str, Any]) -> None:
    """Raise a ValueError that names what is not as it was; only `steps` may have grown."""
    saved, step = header["settings"], int(header["step"])
    for name, value in trainer.settings.items():
        if saved[name] != value:
            raise ValueError(f"cannot resume: {name} was {saved[name]}, now it is {value}")
    if step > trainer.options.steps:
        raise ValueError(f"cannot resume: it is at step {step}, steps = {trainer.options.steps}")
    if header["learning_rates"] != _crc(trainer.options.learning_rates[:step]):
        raise ValueError("cannot resume: the learning rates of the steps made were others")


def settings_of(trainer: Trainer) -> dict[str, str]:
    """Return all that must not change between two runs, as text."""
    settings = {name: str(getattr(trainer.options, name)) for name in _SETTINGS}
    settings["vocab_size"] = str(trainer.model.vocab_size)
    settings["data"] = _fingerprint(trainer)
    return settings


def _fingerprint(trainer: Trainer) -> str:
    """Return a checksum of the training data."""
    if isinstance(trainer.data, TokenStream):
        return f"{len(trainer.data.tokens)} tokens, {_crc(trainer.data.tokens)}"
    matrix: Any = trainer.counts.matrix
    cells = matrix if isinstance(matrix, np.ndarray) else matrix.data
    return f"{trainer.counts.total} pairs, {_crc(cells)}"


def _crc(array: NDArray[Any]) -> str:
    return f"crc32 {zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data):08x}"
