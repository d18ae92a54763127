"""The training loop: gradient descent on cross-entropy, full batch from counts or by minibatches.

The steps themselves run in the compiled kernel, as many in one call as possible: up to the next
evaluation, checkpoint or callback. How they are split into calls does not change a bit of the
result.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigram import kernels
from bigram.common.progress import progress
from bigram.inference.model import BigramModel
from bigram.kernels.training import train_on_counts, train_on_windows
from bigram.training.batches import WindowBatches
from bigram.training.checkpoints import Checkpoint
from bigram.training.data import TrainingData
from bigram.training.history import History, LossEstimate, TrainingStep
from bigram.training.options import TrainingOptions
from bigram.training.state import TrainingState
from bigram.training.token_stream import TokenStream

__all__ = ["Trainer"]

_CALL_PAIRS = 1 << 20  # pairs of minibatches in one call of the kernel: 6 MiB
_CALL_SECONDS = 0.05  # time between two updates of the progress bar


class Trainer:
    """One run of `NeuralModel.fit`.

    Parameters
    ----------
    model : BigramModel
        What callbacks are given.
    weight : ndarray of float32, shape (V, V)
        Its logits; changed in place.
    changed : callable
        Called after each change of the weight.
    data : TrainingData
    validation : TrainingData or None
    options : TrainingOptions
    """

    def __init__(
        self,
        model: BigramModel,
        weight: NDArray[np.float32],
        changed: Callable[[], None],
        data: TrainingData,
        validation: TrainingData | None,
        options: TrainingOptions,
    ) -> None:
        self._model, self._changed = model, changed
        self._data, self._validation, self._options = data, validation, options
        self._state = TrainingState.at_start(weight, data, options)
        self._checkpoint: Checkpoint | None = None
        if options.checkpoint is not None:
            self._checkpoint = Checkpoint.of_run(options, data, len(weight))
        # With a progress bar, calls start short and double until they take _CALL_SECONDS.
        self._call_limit = 1 if options.progress else options.steps

    def run(self) -> History:
        """Train, and return what happened."""
        options, state = self._options, self._state
        if self._checkpoint is not None and options.resume:
            self._checkpoint.resume(state)
            self._changed()
        started = time.perf_counter() - state.seconds
        with progress("training", total=options.steps, enabled=options.progress) as bar:
            bar.update(state.step)
            while not state.is_over():
                evaluation = self._evaluate_if_due()
                if state.is_over():  # stopped early
                    break
                done = self._advance(self._steps_until_event())
                bar.update(done)
                bar.set_postfix(f"loss {state.losses[state.step - 1]:.4f}")
                state.seconds = time.perf_counter() - started
                self._call_back(evaluation)
                self._save_if_due()
        self._finish()
        seconds = time.perf_counter() - started
        losses, evaluations = state.losses[: state.step], tuple(state.evaluations)
        return History(losses, evaluations, seconds, self._data.counts)

    def _steps_until_event(self) -> int:
        """Return how many steps can be made before something else is to be done."""
        options, done = self._options, self._state.step
        steps = min(options.steps - done, 1 if options.callbacks else self._call_limit)
        for every in (options.eval_every, options.checkpoint_every):
            if every is not None:
                steps = min(steps, every - done % every)
        batches = self._state.batches
        if batches is not None:
            steps = min(steps, max(1, _CALL_PAIRS // (batches.batch_size * batches.block_size)))
        return steps

    def _advance(self, steps: int) -> int:
        """Make some steps; keep the last good weights if a loss is not finite or on Ctrl-C."""
        state = self._state
        started = time.perf_counter()
        before = [array.copy() for array in state.arrays()]
        positions = None if state.batches is None else state.batches.draw(steps)
        try:
            done = self._train(steps, positions)
            # A loss tells of the weights before its update; those after the last update are
            # looked at themselves.
            is_sound = done == steps and _is_sound(state.weight, before[0])
            if not is_sound:
                _restore(state.arrays(), before)
                # The same steps give the same bits, up to the one that went wrong.
                self._train(max(0, done - 1), positions)
        except BaseException:
            _restore(state.arrays(), before)
            raise
        finally:
            self._changed()
        if not is_sound:
            self._raise_not_finite(done)
        state.step += steps
        is_limited = self._call_limit < self._options.steps
        if is_limited and time.perf_counter() - started < _CALL_SECONDS:
            self._call_limit *= 2
        return steps

    def _train(self, number: int, positions: NDArray[np.int64] | None) -> int:
        """Call the kernel; return how many losses were finite before the first that is not."""
        state = self._state
        steps = state.next_steps(number, self._options)
        if positions is None or state.batches is None:
            matrix = self._data.counts.matrix
            return train_on_counts(state.weight, state.buffers, matrix, steps)
        tokens, block_size = state.batches.tokens, state.batches.block_size
        return train_on_windows(
            state.weight, state.buffers, tokens, positions[:number], block_size, steps
        )

    def _raise_not_finite(self, done: int) -> None:
        step = self._state.step + done
        if done == 0:
            raise FloatingPointError(
                f"the loss of step {step} is {self._state.losses[step]}; the weights are unchanged"
            )
        rate = self._options.learning_rates[step - 1]
        raise FloatingPointError(
            f"the update of step {step - 1} made the loss infinite or nan (learning_rate = "
            f"{rate:g} may be too large); the weights from before it are kept"
        )

    def _evaluate_if_due(self) -> LossEstimate | None:
        every = self._options.eval_every
        return None if every is None or self._state.step % every else self._evaluate()

    def _evaluate(self) -> LossEstimate:
        """Estimate both losses; decide whether to stop early."""
        state = self._state
        evaluation = LossEstimate(state.step, self._loss(self._data), self._loss(self._validation))
        state.evaluations.append(evaluation)
        if state.early is not None:
            state.stopped = state.early.should_stop(evaluation.validation_loss, state.weight)
        return evaluation

    def _loss(self, data: TrainingData | None) -> float:
        """Return the mean loss over all pairs, or over `eval_batches` random batches."""
        if data is None or data.counts.total == 0:
            return math.nan
        if self._options.eval_batches is not None and data.stream is not None:
            return self._sampled_loss(data.stream)
        loss, _ = kernels.count_cross_entropy_grad(
            self._state.weight, data.counts.matrix, num_threads=self._options.num_threads
        )
        return float(loss)

    def _sampled_loss(self, stream: TokenStream) -> float:
        """Return the mean loss of random batches, drawn as the lecture draws them."""
        options = self._options
        assert options.batch_size is not None
        assert options.eval_batches is not None
        batches = WindowBatches(stream, options.batch_size, options.block_size, options.random)
        starts = batches.draw(options.eval_batches).reshape(-1, 1)
        positions = (starts + np.arange(batches.block_size)).ravel()
        loss, _ = kernels.embedding_cross_entropy_grad(
            self._state.weight,
            stream.tokens[positions],
            stream.tokens[positions + 1],
            num_threads=options.num_threads,
        )
        return float(loss)

    def _call_back(self, evaluation: LossEstimate | None) -> None:
        state, last = self._state, self._state.step - 1
        for callback in self._options.callbacks:
            rate = float(self._options.learning_rates[last])
            seen = TrainingStep(last, float(state.losses[last]), rate, evaluation, self._model)
            if callback(seen) is True:
                state.stopped = True

    def _save_if_due(self) -> None:
        """Write a checkpoint every `checkpoint_every` steps, and after the last."""
        every, step = self._options.checkpoint_every, self._state.step
        if self._checkpoint is None or every is None:
            return
        if step % every == 0 or step == self._options.steps:
            self._checkpoint.save(self._state)

    def _finish(self) -> None:
        """Evaluate the last weights where that draws nothing; return to the best ones."""
        options, state = self._options, self._state
        # Sampled evaluations would draw once more than the lecture does.
        is_due = options.eval_every is not None and options.eval_batches is None
        if is_due and (not state.evaluations or state.evaluations[-1].step != state.step):
            self._evaluate()
        if state.early is not None and state.early.weight is not None:
            state.weight[...] = state.early.weight
            self._changed()


def _is_sound(weight: NDArray[np.float32], before: NDArray[np.float32]) -> bool:
    """Return whether no weight became infinite or nan; one may have been: the log of count 0."""
    finite = np.isfinite(weight)
    return bool(finite.all() or (finite | ~np.isfinite(before)).all())


def _restore(arrays: Sequence[NDArray[Any]], before: Sequence[NDArray[Any]]) -> None:
    for array, old in zip(arrays, before, strict=True):
        array[...] = old
