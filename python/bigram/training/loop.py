"""The training loop: gradient descent on cross-entropy, full batch from counts or by minibatches.

The steps themselves run in the compiled kernel, as many at a time as nobody watches: up to the
next evaluation, checkpoint or callback. How the steps are cut into such runs never changes a bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bigram import kernels
from bigram.common.progress import progress
from bigram.counts.bigram_counts import BigramCounts
from bigram.kernels.training import TrainingSteps, train_on_counts, train_on_windows
from bigram.training import checkpoints
from bigram.training.batches import PairBatches, WindowBatches
from bigram.training.history import History, LossEstimate, TrainingStep
from bigram.training.optimizers import update_rule
from bigram.training.state import EarlyStop
from bigram.training.token_stream import TokenStream

if TYPE_CHECKING:
    from bigram.training.options import TrainingOptions
    from bigram.training.state import TrainableModel

__all__ = ["Trainer"]

_RUN_PAIRS = 1 << 20  # examples of minibatches gathered at a time: 6 MiB
_RUN_SECONDS = 0.05  # steps between two updates of the progress bar


class Trainer:
    """One run of `NeuralModel.fit`: what changes from step to step."""

    def __init__(
        self,
        model: TrainableModel,
        data: BigramCounts | TokenStream,
        validation: BigramCounts | TokenStream | None,
        options: TrainingOptions,
    ) -> None:
        self.model, self.options = model, options
        self.weight = model._weight
        self.buffers = [np.zeros_like(self.weight) for _ in range(options.optimizer.num_buffers)]
        self.data, self.validation = data, validation
        size, threads = model.vocab_size, options.num_threads
        self.counts = data.counts(size, threads) if isinstance(data, TokenStream) else data
        self.validation_counts = (
            validation.counts(size, threads) if isinstance(validation, TokenStream) else validation
        )
        if self.counts.total == 0:
            raise ValueError("the corpus has no pair of tokens to train on")
        self.batches = self._batches()
        self.losses = np.empty(options.steps)
        self.evaluations: list[LossEstimate] = []
        self.step, self.seconds, self.stopped = 0, 0.0, False
        self.early = EarlyStop(options.patience, options.min_delta) if options.patience else None
        self._run_limit = 1 if options.progress else options.steps

    @cached_property
    def settings(self) -> dict[str, str]:
        """What must not change between this run and one that resumes it."""
        return checkpoints.settings_of(self)

    def _batches(self) -> WindowBatches | PairBatches | None:
        options = self.options
        if options.batch_size is None:
            return None
        if not isinstance(self.data, TokenStream):
            raise ValueError("batch_size needs a token stream; counts are trained in full batches")
        if options.shuffle:
            return PairBatches(self.data, options.batch_size, options.random)
        return WindowBatches(self.data, options.batch_size, options.block_size, options.random)

    def run(self) -> History:
        """Train, and return what happened."""
        options = self.options
        if options.checkpoint is not None and options.resume:
            checkpoints.resume(self)
        started = time.perf_counter() - self.seconds
        with progress("training", total=options.steps, enabled=options.progress) as bar:
            bar.update(self.step)
            while not self._is_over():
                evaluation = self._evaluate_if_due()
                if self._is_over():  # stopped early
                    break
                done = self._advance(self._unwatched_steps())
                bar.update(done)
                bar.set_postfix(f"loss {self.losses[self.step - 1]:.4f}")
                self.seconds = time.perf_counter() - started
                self._call_back(evaluation)
                checkpoints.save_if_due(self)
        self._finish()
        self.seconds = time.perf_counter() - started
        losses = self.losses[: self.step]
        return History(losses, tuple(self.evaluations), self.seconds, self.counts)

    def _is_over(self) -> bool:
        return self.stopped or self.step == self.options.steps

    def _unwatched_steps(self) -> int:
        """How many steps nobody looks at before the next event."""
        options = self.options
        steps = min(options.steps - self.step, 1 if options.callbacks else self._run_limit)
        for every in (options.eval_every, options.checkpoint_every):
            if every is not None:
                steps = min(steps, every - self.step % every)
        if self.batches is not None:
            pairs = self.batches.batch_size * self.batches.block_size
            steps = min(steps, max(1, _RUN_PAIRS // pairs))
        return steps

    def _advance(self, steps: int) -> int:
        """Make some steps; leave the last good weights if a loss is not finite or on Ctrl-C."""
        started = time.perf_counter()
        arrays = [self.weight, *self.buffers]
        before = [array.copy() for array in arrays]
        positions = None if self.batches is None else self.batches.draw(steps)
        try:
            done = self._train(steps, positions)
            # The losses vouch for the weights before each update; this for those after the last.
            sound = done == steps and self._weights_are_sound(before[0])
            if not sound:
                _restore(arrays, before)
                # The same steps give the same bits, up to the one that went wrong.
                self._train(max(0, done - 1), positions)
        except BaseException:
            _restore(arrays, before)
            raise
        finally:
            self.model._weight_changed()
        if not sound:
            self._raise_not_finite(done)
        self.step += steps
        if self._run_limit < self.options.steps and time.perf_counter() - started < _RUN_SECONDS:
            self._run_limit *= 2
        return steps

    def _train(self, steps: int, positions: NDArray[np.int64] | None) -> int:
        """Run the kernel; it returns how many losses were finite, and stops at one that is not."""
        options, end = self.options, self.step + steps
        plan = TrainingSteps(
            losses=self.losses[self.step : end],
            learning_rates=options.learning_rates[self.step : end],
            steps_before=self.step,
            rule=update_rule(options.optimizer),
            l2=options.l2,
            clip_norm=options.clip_norm,
            num_threads=options.num_threads,
        )
        if positions is None or self.batches is None:
            return train_on_counts(self.weight, self.buffers, self.counts.matrix, plan)
        tokens, width = self.batches.tokens, self.batches.block_size
        return train_on_windows(self.weight, self.buffers, tokens, positions[:steps], width, plan)

    def _weights_are_sound(self, before: NDArray[np.float32]) -> bool:
        """No weight has become infinite or nan (one may have been: log 0 of counts)."""
        finite = np.isfinite(self.weight)
        return bool(finite.all() or (finite | ~np.isfinite(before)).all())

    def _raise_not_finite(self, done: int) -> None:
        step = self.step + done
        if done == 0:
            raise FloatingPointError(
                f"the loss of step {step} is {self.losses[step]}; the weights are as they were"
            )
        rate = self.options.learning_rates[step - 1]
        raise FloatingPointError(
            f"the update of step {step - 1} made the loss infinite or nan (learning_rate = "
            f"{rate:g} may be too large); the weights from before it are kept"
        )

    def _evaluate_if_due(self) -> LossEstimate | None:
        every = self.options.eval_every
        if every is None or self.step % every:
            return None
        return self._evaluate()

    def _evaluate(self) -> LossEstimate:
        """Estimate both losses; decide whether to stop early."""
        train = self._loss(self.data, self.counts)
        validation = self._loss(self.validation, self.validation_counts)
        evaluation = LossEstimate(self.step, train, validation)
        self.evaluations.append(evaluation)
        if self.early is not None:
            self.stopped = self.early.stops(evaluation.validation_loss, self.weight)
        return evaluation

    def _loss(self, data: BigramCounts | TokenStream | None, counts: BigramCounts | None) -> float:
        """Mean loss over all pairs, or over `eval_batches` random batches."""
        if counts is None or counts.total == 0:
            return math.nan
        if self.options.eval_batches is not None and isinstance(data, TokenStream):
            return self._sampled_loss(data)
        threads = self.options.num_threads
        loss, _ = kernels.count_cross_entropy_grad(self.weight, counts.matrix, num_threads=threads)
        return float(loss)

    def _sampled_loss(self, stream: TokenStream) -> float:
        """Mean loss of random batches, drawn as the lecture draws them."""
        options = self.options
        assert options.batch_size is not None
        assert options.eval_batches is not None
        batches = WindowBatches(stream, options.batch_size, options.block_size, options.random)
        starts = batches.draw(options.eval_batches).reshape(-1, 1)
        places = (starts + np.arange(options.block_size)).ravel()
        loss, _ = kernels.embedding_cross_entropy_grad(
            self.weight,
            stream.tokens[places],
            stream.tokens[places + 1],
            num_threads=options.num_threads,
        )
        return float(loss)

    def _call_back(self, evaluation: LossEstimate | None) -> None:
        last = self.step - 1
        for callback in self.options.callbacks:
            rate = float(self.options.learning_rates[last])
            seen = TrainingStep(last, float(self.losses[last]), rate, evaluation, self.model)
            if callback(seen) is True:
                self.stopped = True

    def _finish(self) -> None:
        """Evaluate the final weights where that draws nothing; go back to the best if asked."""
        options = self.options
        due = options.eval_every is not None and options.eval_batches is None
        if due and (not self.evaluations or self.evaluations[-1].step != self.step):
            self._evaluate()
        if self.early is not None and self.early.weight is not None:
            self.weight[...] = self.early.weight
            self.model._weight_changed()


def _restore(arrays: Sequence[NDArray[Any]], before: Sequence[NDArray[Any]]) -> None:
    for array, old in zip(arrays, before, strict=True):
        array[...] = old
