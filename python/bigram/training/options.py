"""All options of `NeuralModel.fit`, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram.common.checks import LARGEST, check_index, check_number
from bigram.common.types import StrPath
from bigram.randomness.generators import Random, random_source
from bigram.randomness.torch_generator import TorchGenerator
from bigram.training.history import Callback
from bigram.training.optimizers import SGD, AdamW, resolve_optimizer
from bigram.training.schedules import LearningRate, learning_rates

__all__ = ["TrainingOptions"]

LECTURE_EVAL_BATCHES = 200


@dataclass(frozen=True)
class TrainingOptions:
    """What `NeuralModel.fit` was asked for, in the form in which the loop uses it."""

    steps: int
    learning_rates: NDArray[np.float64]  # of every step
    optimizer: SGD | AdamW
    l2: float
    clip_norm: float | None
    batch_size: int | None
    block_size: int
    shuffle: bool
    validation: Any  # the data itself, or a fraction
    eval_every: int | None
    eval_batches: int | None
    patience: int | None
    min_delta: float
    checkpoint: str | None
    checkpoint_every: int | None
    resume: bool
    random: Random
    progress: bool
    callbacks: tuple[Callback, ...]
    num_threads: int | None

    @classmethod
    def checked(
        cls,
        *,
        steps: int,
        learning_rate: LearningRate,
        optimizer: str | SGD | AdamW,
        schedule: str,
        warmup_steps: int,
        final_learning_rate: float,
        weight_decay: float | None,
        l2: float,
        clip_norm: float | None,
        batch_size: int | None,
        block_size: int,
        shuffle: bool,
        validation: Any,
        eval_every: int | None,
        eval_batches: int | None,
        patience: int | None,
        min_delta: float,
        checkpoint: StrPath | None,
        checkpoint_every: int | None,
        resume: bool,
        seed: int | TorchGenerator | None,
        progress: bool,
        callbacks: Sequence[Callback],
        num_threads: int | None,
    ) -> TrainingOptions:
        """Check every option of `fit`; errors name it."""
        steps = check_index(steps, "steps", 1)
        check_number(l2, "l2", 0.0, LARGEST, "a finite number >= 0")
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"clip_norm = {clip_norm}, wanted a positive number")
        if callable(callbacks) or not all(map(callable, callbacks)):
            raise TypeError("callbacks must be a sequence of functions")
        if eval_batches is None and isinstance(seed, TorchGenerator) and batch_size is not None:
            eval_batches = LECTURE_EVAL_BATCHES  # the lecture's order of draws
        options = cls(
            steps=steps,
            learning_rates=learning_rates(
                steps,
                learning_rate,
                schedule=schedule,
                warmup_steps=warmup_steps,
                final_learning_rate=final_learning_rate,
            ),
            optimizer=resolve_optimizer(optimizer, weight_decay),
            l2=float(l2),
            clip_norm=clip_norm,
            batch_size=_count_or_none("batch_size", batch_size),
            block_size=check_index(block_size, "block_size", 1),
            shuffle=bool(shuffle),
            validation=validation,
            eval_every=_count_or_none("eval_every", eval_every),
            eval_batches=_count_or_none("eval_batches", eval_batches),
            patience=_count_or_none("patience", patience),
            min_delta=float(min_delta),
            checkpoint=None if checkpoint is None else os.fspath(checkpoint),
            checkpoint_every=_count_or_none("checkpoint_every", checkpoint_every),
            resume=bool(resume),
            random=random_source(seed),
            progress=bool(progress),
            callbacks=tuple(callbacks),
            num_threads=num_threads,
        )
        options._check_together()
        return options

    @property
    def validates(self) -> bool:
        """Whether some data is for validation only."""
        return not (isinstance(self.validation, (int, float)) and self.validation == 0)

    def _check_together(self) -> None:
        """Refuse options that mean nothing without each other."""
        if isinstance(self.validation, (int, float)) and not 0 <= self.validation < 1:
            raise ValueError(f"validation = {self.validation} is outside [0, 1)")
        if self.eval_batches is not None and self.batch_size is None:
            raise ValueError("eval_batches needs batch_size")
        if self.shuffle and self.batch_size is None:
            raise ValueError("shuffle needs batch_size")
        if self.patience is not None and not (self.eval_every and self.validates):
            raise ValueError("patience needs eval_every and validation")
        if self.resume and self.checkpoint is None:
            raise ValueError("resume needs checkpoint, the file to go on from")
        if (self.checkpoint is None) != (self.checkpoint_every is None) and not self.resume:
            raise ValueError("checkpoint (a file) and checkpoint_every need each other")


def _count_or_none(name: str, value: Any) -> int | None:
    return None if value is None else check_index(value, name, 1)
