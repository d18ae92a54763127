"""The options of `NeuralModel.fit`: each is named, typed, documented and checked here, once."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram.common.checks import BELOW_ONE, LARGEST, SMALLEST, bad_kind, check_index, check_number
from bigram.common.types import StrPath
from bigram.randomness.generators import Random, Seed, random_source
from bigram.randomness.torch_generator import TorchGenerator
from bigram.training.history import Callback
from bigram.training.optimizers import SGD, AdamW, resolve_optimizer
from bigram.training.schedules import LearningRate, learning_rates

__all__ = ["TrainingOptions"]

_LECTURE_EVAL_BATCHES = 200
_COUNTS = (
    "batch_size",
    "block_size",
    "eval_every",
    "eval_batches",
    "patience",
    "checkpoint_every",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingOptions:
    """The options of a training run.

    Parameters
    ----------
    steps : int
        Updates to make.
    learning_rate : float, or function from the step to a float
    optimizer : {"sgd", "adamw"}, SGD or AdamW
    batch_size : int, optional
        B. None takes every pair at each step. The counts are all that a step needs to know of
        the pairs: it computes the exact gradient at a cost of V * V, however long the text is.
    block_size : int
        T: a batch is B windows of T pairs in a row at random positions, B * T examples. A window
        that reaches the end of a sequence continues in the next one; no pair crosses the border.
    shuffle : bool
        A batch is B pairs instead, and each pair comes once an epoch.
    l2 : float
        Weight of the penalty mean(weight ** 2).
    weight_decay : float, optional
        Replaces that of the optimizer.
    schedule : {"constant", "cosine"}
        "cosine" falls along half a cosine from `learning_rate` to `final_learning_rate`.
    warmup_steps : int
        The learning rate rises linearly over this many first steps.
    final_learning_rate : float
        Where "cosine" ends.
    clip_norm : float, optional
        Longer gradients are scaled down to this Euclidean norm.
    validation : float in [0, 1), or data of any kind that `corpus` may be
        A fraction keeps that much of the end of the token stream for validation.
    eval_every : int, optional
        Evaluate before step 0, then every `eval_every` steps, and at the end.
    eval_batches : int, optional
        Estimate the losses from this many random batches; None takes all pairs. With a
        `TorchGenerator` as seed it is 200, as in the lecture, with no evaluation at the end.
    patience : int, optional
        Stop when this many evaluations in a row did not lower the validation loss by more
        than `min_delta`; the best weights are kept.
    min_delta : float
        See `patience`.
    checkpoint : str or path-like, optional
        File that receives, every `checkpoint_every` steps, all that the next step depends on.
    checkpoint_every : int, optional
        See `checkpoint`.
    resume : bool
        Continue from the checkpoint if there is one; the result is the same to the bit as
        without the interruption. Data and options must be the same; `steps` may be larger.
    seed : int, TorchGenerator or None
        Of the batches. A `TorchGenerator` draws in the order of the lecture.
    progress : bool
        Show a progress bar with the loss.
    callbacks : sequence of functions
        Each is called with a `TrainingStep` after every update; the training ends if it
        returns True.
    num_threads : int, optional
        The bits do not depend on it.

    Attributes
    ----------
    learning_rates : ndarray of float64, shape (steps,)
        The learning rate of every step.
    method : SGD or AdamW
        The optimizer, with its `weight_decay`.
    random : Random
        What batches are drawn with.
    """

    steps: int
    learning_rate: LearningRate
    optimizer: str | SGD | AdamW = "sgd"
    batch_size: int | None = None
    block_size: int = 8
    shuffle: bool = False
    l2: float = 0.0
    weight_decay: float | None = None
    schedule: str = "constant"
    warmup_steps: int = 0
    final_learning_rate: float = 0.0
    clip_norm: float | None = None
    validation: Any = 0.0
    eval_every: int | None = None
    eval_batches: int | None = None
    patience: int | None = None
    min_delta: float = 0.0
    checkpoint: StrPath | None = None
    checkpoint_every: int | None = None
    resume: bool = False
    seed: Seed = None
    progress: bool = False
    callbacks: Sequence[Callback] = ()
    num_threads: int | None = None

    learning_rates: NDArray[np.float64] = field(init=False)
    method: SGD | AdamW = field(init=False)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._set("steps", check_index(self.steps, "steps", 1))
        for name in _COUNTS:
            if getattr(self, name) is not None:
                self._set(name, check_index(getattr(self, name), name, 1))
        check_number(self.l2, "l2", 0.0, LARGEST, "a finite number >= 0")
        check_number(self.min_delta, "min_delta", -math.inf, math.inf, "a number")
        if self.clip_norm is not None:
            check_number(self.clip_norm, "clip_norm", SMALLEST, math.inf, "a number > 0")
        if callable(self.callbacks) or not all(map(callable, self.callbacks)):
            raise bad_kind(self.callbacks, "callbacks", "a sequence of functions")
        self._normalize()
        self._check_together()

    def _normalize(self) -> None:
        """Bring the options into the form in which the loop uses them."""
        self._set("l2", float(self.l2))
        self._set("min_delta", float(self.min_delta))
        self._set("callbacks", tuple(self.callbacks))
        if self.checkpoint is not None:
            self._set("checkpoint", os.fspath(self.checkpoint))
        is_lecture = isinstance(self.seed, TorchGenerator) and self.batch_size is not None
        if is_lecture and self.eval_batches is None:
            self._set("eval_batches", _LECTURE_EVAL_BATCHES)
        rates = learning_rates(
            self.steps,
            self.learning_rate,
            schedule=self.schedule,
            warmup_steps=self.warmup_steps,
            final_learning_rate=self.final_learning_rate,
        )
        self._set("learning_rates", rates)
        self._set("method", resolve_optimizer(self.optimizer, self.weight_decay))
        self._set("random", random_source(self.seed))

    @property
    def validates(self) -> bool:
        """Whether some data is for validation only."""
        return not (isinstance(self.validation, (int, float)) and self.validation == 0)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # the dataclass is frozen

    def _check_together(self) -> None:
        """Refuse options that mean nothing without each other."""
        if isinstance(self.validation, (int, float)):
            check_number(self.validation, "validation", 0.0, BELOW_ONE, "a number in [0, 1)")
        if self.eval_batches is not None and self.batch_size is None:
            raise ValueError("eval_batches needs batch_size")
        if self.shuffle and self.batch_size is None:
            raise ValueError("shuffle needs batch_size")
        if self.patience is not None and not (self.eval_every and self.validates):
            raise ValueError("patience needs eval_every and validation")
        if self.resume and self.checkpoint is None:
            raise ValueError("resume needs checkpoint, the file to continue from")
        if (self.checkpoint is None) != (self.checkpoint_every is None) and not self.resume:
            raise ValueError("checkpoint (a file) and checkpoint_every need each other")
