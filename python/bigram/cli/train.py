"""`bigram train`: the network, which gradient descent leads to the table of counts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from bigram.cli.inputs import open_corpus, open_counts
from bigram.cli.options import (
    CorpusPaths,
    Force,
    Json,
    SeedOption,
    TextKey,
    Threads,
    TokenizerOptions,
    add_command,
    use_threads,
)
from bigram.cli.output import complain, emit, emit_json, flush, on_terminal
from bigram.cli.parsing import character_tokenizer, corpus_tokenizer
from bigram.cli.targets import check_target
from bigram.counting.count import count
from bigram.inference.model import BigramModel
from bigram.models.neural_model import NeuralModel
from bigram.plotting.figure import save_figure
from bigram.tokenizers.protocol import Tokenizer
from bigram.training.history import History, LossEstimate, TrainingStep
from bigram.training.optimizers import SGD
from bigram.training.options import TrainingOptions

_SAMPLE_LENGTH = 200  # symbols of running text


class OptimizerName(str, Enum):
    """What turns gradients into updates."""

    sgd = "sgd"
    adamw = "adamw"


class ScheduleName(str, Enum):
    """How the learning rate changes."""

    constant = "constant"
    cosine = "cosine"


_DEFAULTS = {OptimizerName.sgd: (1000, 50.0), OptimizerName.adamw: (3000, 0.01)}  # steps, rate


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The options of `NeuralModel.fit` that the command line has, by the same names."""

    optimizer: Annotated[
        OptimizerName | None, typer.Option(help="sgd for full batches, adamw for minibatches.")
    ] = None
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; 1,000 sgd or 3,000 adamw.")] = (
        None
    )
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate; 50 for sgd, 0.01 for adamw.")
    ] = None
    momentum: Annotated[float, typer.Option(help="Of sgd, in [0, 1).")] = 0.0
    weight_decay: Annotated[
        float | None, typer.Option(help="Weight decay in place of the optimizer's.")
    ] = TrainingOptions.weight_decay
    l2: Annotated[float, typer.Option(help="Weight of the penalty mean(weight^2).")] = (
        TrainingOptions.l2
    )
    clip_norm: Annotated[float | None, typer.Option(help="Largest norm of a gradient.")] = (
        TrainingOptions.clip_norm
    )
    schedule: Annotated[ScheduleName, typer.Option(help="How the learning rate changes.")] = (
        ScheduleName.constant
    )
    warmup_steps: Annotated[int, typer.Option(min=0, help="Steps over which the rate rises.")] = (
        TrainingOptions.warmup_steps
    )
    final_learning_rate: Annotated[
        float, typer.Option(help="Learning rate at the end of cosine.")
    ] = TrainingOptions.final_learning_rate
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Windows per step; all pairs if not given.")
    ] = TrainingOptions.batch_size
    block_size: Annotated[int, typer.Option(min=1, help="Pairs of a window.")] = (
        TrainingOptions.block_size
    )
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Single pairs, each once per epoch.")
    ] = TrainingOptions.shuffle
    validation: Annotated[float, typer.Option(help="Share of the text kept for validation.")] = (
        TrainingOptions.validation
    )
    eval_every: Annotated[
        int | None, typer.Option(min=1, help="Steps between evaluations; a tenth if not given.")
    ] = TrainingOptions.eval_every
    eval_batches: Annotated[
        int | None, typer.Option(min=1, help="Batches per evaluation; all pairs if not given.")
    ] = TrainingOptions.eval_batches
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many evaluations without gain.")
    ] = TrainingOptions.patience
    min_delta: Annotated[
        float, typer.Option(help="Smallest fall of the validation loss that is a gain.")
    ] = TrainingOptions.min_delta
    checkpoint: Annotated[str | None, typer.Option(help="File; MODEL.checkpoint if not given.")] = (
        None
    )
    checkpoint_every: Annotated[
        int | None, typer.Option(min=1, help="Steps between checkpoints.")
    ] = TrainingOptions.checkpoint_every
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the checkpoint, if there is one.")
    ] = TrainingOptions.resume
    seed: SeedOption = None

    def keywords(self, output: str) -> dict[str, Any]:
        """Return the arguments of `NeuralModel.fit`, with defaults that suit the optimizer."""
        given = asdict(self)
        momentum = given.pop("momentum")
        name = self.optimizer
        if name is None:
            name = OptimizerName.sgd if self.batch_size is None else OptimizerName.adamw
        if name is OptimizerName.adamw and momentum:
            raise ValueError(f"momentum = {momentum}, wanted it with --optimizer sgd only")
        steps, rate = _DEFAULTS[name]
        steps = self.steps or steps
        path = self.checkpoint
        if path is None and (self.checkpoint_every or self.resume):
            path = output + ".checkpoint"
        return given | {
            "steps": steps,
            "learning_rate": rate if self.learning_rate is None else self.learning_rate,
            "optimizer": SGD(momentum) if name is OptimizerName.sgd else "adamw",
            "schedule": self.schedule.value,
            "eval_every": self.eval_every or max(1, steps // 10),
            "checkpoint": path,
        }


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, train)


def train(
    corpus: CorpusPaths,
    output: Annotated[str, typer.Option("--output", "-o", metavar="MODEL", help="File to write.")],
    *,
    fit: FitOptions,
    samples: Annotated[int, typer.Option(min=0, help="Texts to print at each evaluation.")] = 3,
    plot: Annotated[
        str | None,
        typer.Option(help="Loss curve to write; MODEL's name with .loss.png if not given."),
    ] = None,
    symbols: TokenizerOptions,
    text_key: TextKey = "text",
    force: Force = False,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Train a model by gradient descent and save it."""
    use_threads(threads)
    options = fit.keywords(output)
    check_target(output, corpus, force=force, endings=(".safetensors",))
    picture = plot or str(Path(output).with_suffix(".loss.png"))
    check_target(picture, [*corpus, output], force=force, option="plot")
    if options["checkpoint"] is not None:
        others = [*corpus, output, picture]
        check_target(options["checkpoint"], others, force=force, option="checkpoint")
    data, tokenizer = _data(corpus, fit, symbols, text_key)
    model = NeuralModel(tokenizer, seed=fit.seed)
    watchers = () if json else (_Watcher(samples, fit.seed),)
    history = model.fit(data, callbacks=watchers, progress=on_terminal(), **options)
    model.save(output)
    drawn = _draw(history, picture, wanted=plot is not None)
    if json:
        emit_json(_report(history) | {"model": output, "picture": drawn})
        return
    if history.evaluations and history.evaluations[-1].step == len(history.losses):
        emit(_line(history.evaluations[-1]))
    emit(f"loss {history.losses[-1]:.4f} in step {len(history.losses):,}")
    emit(f"counting reaches {history.floor:.4f}, the least that a bigram model can")
    emit("\n".join(filter(None, [output, drawn])))


def _data(
    paths: list[str], fit: FitOptions, options: TokenizerOptions, text_key: str
) -> tuple[Any, Tokenizer | int]:
    """Return what to train on, and the tokenizer, or the number of ids if there is none."""
    counts = open_counts(paths)
    if counts is not None:
        return counts, counts.tokenizer or counts.vocab_size
    corpus = open_corpus(paths, text=options.text, text_key=text_key)
    tokenizer, texts = corpus_tokenizer(options, corpus)
    if tokenizer is not None:
        return texts, tokenizer
    if fit.batch_size is None and fit.validation == 0:
        counts = count(texts, progress=on_terminal())
        assert counts.tokenizer is not None
        return counts, counts.tokenizer
    # Read twice: for the characters, and for the stream of tokens.
    tokenizer, texts = character_tokenizer(corpus, running_text=options.text)
    return texts, tokenizer


@dataclass(frozen=True)
class _Watcher:
    """Prints every evaluation, and some texts that the model would write now."""

    samples: int
    seed: int | None

    def __call__(self, step: TrainingStep) -> None:
        if step.evaluation is None:
            return
        emit(_line(step.evaluation))
        if self.samples and step.model.tokenizer is not None:
            for text in _sample(step.model, self.samples, self.seed):
                emit(f"  {text!r}")
        flush()


def _sample(model: BigramModel, n: int, seed: int | None) -> list[str]:
    """Return texts; of running text, what follows the end of a line, or else the first symbol."""
    tokenizer = model.tokenizer
    assert tokenizer is not None
    if tokenizer.boundary_id is not None:
        return model.sample(n, seed=seed, max_length=_SAMPLE_LENGTH)
    prefix = "\n" if "\n" in tokenizer.vocab else tokenizer.vocab[0]
    texts = model.sample(n, seed=seed, prefix=prefix, max_length=_SAMPLE_LENGTH)
    return [text.removeprefix("\n") for text in texts]


def _line(found: LossEstimate) -> str:
    line = f"step {found.step}: train loss {found.train_loss:.4f}"
    if math.isnan(found.validation_loss):
        return line
    return f"{line}, val loss {found.validation_loss:.4f}"


def _draw(history: History, picture: str, *, wanted: bool) -> str | None:
    """Write the loss curve and return its name, or None where matplotlib is missing."""
    try:
        return save_figure(history.plot(), picture)
    except ImportError as error:
        if wanted:
            raise
        complain(f"the loss curve is not drawn: {error}")
        return None


def _report(history: History) -> dict[str, Any]:
    return {
        "steps": len(history.losses),
        "loss": float(history.losses[-1]),
        "floor": history.floor,
        "seconds": history.seconds,
        "evaluations": [asdict(found) for found in history.evaluations],
    }
