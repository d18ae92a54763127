"""Checkpoints: everything the next step depends on, in one file that is replaced whole.

A run that is killed and resumed continues from the last checkpoint with the same weights, optimizer
state and random state, so it ends with the same bits as one that was never interrupted.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram.storage.container import load_arrays, save_arrays
from bigram.training.data import TrainingData
from bigram.training.history import LossEstimate
from bigram.training.options import TrainingOptions
from bigram.training.state import TrainingState

__all__ = ["Checkpoint"]

KIND = "training_checkpoint"

# Options that change what a step does; a run cannot be resumed with others.
_SETTINGS = (
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


@dataclass(frozen=True)
class Checkpoint:
    """The file that a run is saved to and resumed from.

    Attributes
    ----------
    path : str
    learning_rates : ndarray of float64, shape (steps,)
    settings : dict of str to str
        Everything else that must be the same in the run that resumes, the data by its checksum.
    """

    path: str
    learning_rates: NDArray[np.float64]
    settings: dict[str, str]

    @classmethod
    def of_run(cls, options: TrainingOptions, data: TrainingData, vocab_size: int) -> Checkpoint:
        """Return the checkpoint of a run with these options on this data."""
        settings = {"optimizer": str(options.method)}
        settings |= {name: str(getattr(options, name)) for name in _SETTINGS}
        settings |= {"vocab_size": str(vocab_size), "data": _fingerprint(data)}
        return cls(str(options.checkpoint), options.learning_rates, settings)

    def save(self, state: TrainingState) -> None:
        """Write the state."""
        arrays: dict[str, NDArray[Any]] = {
            "weight": state.weight,
            "losses": state.losses[: state.step],
            **{f"buffer{i}": buffer for i, buffer in enumerate(state.buffers)},
        }
        header: dict[str, Any] = {
            "step": state.step,
            "seconds": state.seconds,
            "settings": self.settings,
            # The rates of the steps to come may change: they depend on how many there are.
            "learning_rates": _checksum(self.learning_rates[: state.step]),
            "evaluations": [list(astuple(e)) for e in state.evaluations],
            "batches": None if state.batches is None else state.batches.get_state(),
        }
        if state.early is not None:
            header["early"] = [state.early.best, state.early.waited]
            if state.early.weight is not None:
                arrays["best_weight"] = state.early.weight
        save_arrays(self.path, KIND, arrays, header)

    def resume(self, state: TrainingState) -> None:
        """Bring a state to where the file is; without a file it stays at the beginning.

        Raises
        ------
        ValueError
            If the file is damaged, or of a run on other data or with other options.
        """
        if not os.path.exists(self.path):
            return
        _, arrays, header = load_arrays(self.path, kind=KIND)
        try:
            self._check_same_run(header, len(state.losses))
            _restore(state, arrays, header)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{self.path}: damaged: not a sound checkpoint ({error!r})") from error
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error

    def _check_same_run(self, header: dict[str, Any], steps: int) -> None:
        """Raise a ValueError that names what is different; only `steps` may have grown."""
        saved, step = header["settings"], int(header["step"])
        for name, value in self.settings.items():
            if saved[name] != value:
                raise ValueError(f"cannot resume: {name} was {saved[name]}, now it is {value}")
        if step > steps:
            raise ValueError(f"cannot resume: it is at step {step}, steps = {steps}")
        if header["learning_rates"] != _checksum(self.learning_rates[:step]):
            raise ValueError(f"cannot resume: the first {step} learning rates were different")


def _restore(state: TrainingState, arrays: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    # In place: the weight is the model's own array.
    state.weight[...] = arrays["weight"]
    for i, buffer in enumerate(state.buffers):
        buffer[...] = arrays[f"buffer{i}"]
    state.step, state.seconds = int(header["step"]), float(header["seconds"])
    state.losses[: state.step] = arrays["losses"]
    state.evaluations = [LossEstimate(*values) for values in header["evaluations"]]
    if state.batches is not None:
        state.batches.set_state(header["batches"])
    if state.early is not None:
        state.early.best, state.early.waited = header["early"]
        state.early.weight = arrays.get("best_weight")


def _fingerprint(data: TrainingData) -> str:
    """Return the size and a checksum of the data that is trained on."""
    if data.stream is not None:
        return f"{len(data.stream.tokens)} tokens, {_checksum(data.stream.tokens)}"
    matrix: Any = data.counts.matrix
    cells = matrix if isinstance(matrix, np.ndarray) else matrix.data
    return f"{data.counts.total} pairs, {_checksum(cells)}"


def _checksum(array: NDArray[Any]) -> str:
    return f"crc32 {zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data):08x}"
