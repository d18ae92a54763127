"""`bigram train`: the network that comes to be the table of counts, step by step."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bigram.cli.inputs import open_corpus, open_counts
from bigram.cli.options import (
    CorpusPaths,
    Json,
    MinCountOption,
    RunningText,
    SeedOption,
    Threads,
    TokenizerKind,
    TokenizerOption,
    UnknownOption,
    use_threads,
)
from bigram.cli.output import emit_json, on_terminal
from bigram.cli.parsing import character_tokenizer, corpus_tokenizer
from bigram.plotting.figure import save_figure

if TYPE_CHECKING:
    from bigram.inference.model import BigramModel
    from bigram.tokenizers.protocol import Tokenizer
    from bigram.training.history import History, LossEstimate, TrainingStep

_SAMPLE_LENGTH = 200  # symbols of running text
_SAME_NAME = (
    "weight_decay",
    "l2",
    "clip_norm",
    "warmup_steps",
    "final_learning_rate",
    "batch_size",
    "block_size",
    "shuffle",
    "validation",
    "eval_batches",
    "patience",
    "min_delta",
    "checkpoint_every",
    "resume",
    "seed",
)


class OptimizerName(str, Enum):
    """What turns gradients into updates."""

    sgd = "sgd"
    adamw = "adamw"


class ScheduleName(str, Enum):
    """How the learning rate changes."""

    constant = "constant"
    cosine = "cosine"


_DEFAULTS = {OptimizerName.sgd: (1000, 50.0), OptimizerName.adamw: (3000, 0.01)}  # steps, rate


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


Output = Annotated[str, typer.Option("--output", "-o", metavar="MODEL", help="File to write.")]
Optimizer = Annotated[
    OptimizerName | None, typer.Option(help="sgd for full batches, adamw for minibatches.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Updates; 1,000 sgd or 3,000 adamw.")]
Rate = Annotated[float | None, typer.Option(help="Learning rate; 50 for sgd, 0.01 for adamw.")]
Momentum = Annotated[float, typer.Option(help="Of sgd, in [0, 1).")]
Decay = Annotated[float | None, typer.Option(help="Weight decay in place of the optimizer's.")]
L2 = Annotated[float, typer.Option(help="Weight of the penalty mean(weight^2).")]
Clip = Annotated[float | None, typer.Option(help="Largest norm of a gradient.")]
Schedule = Annotated[ScheduleName, typer.Option(help="How the learning rate changes.")]
Warmup = Annotated[int, typer.Option(min=0, help="Steps over which the rate rises.")]
FinalRate = Annotated[float, typer.Option(help="Learning rate at the end of cosine.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Windows a step; all pairs if none.")]
BlockSize = Annotated[int, typer.Option(min=1, help="Pairs of a window.")]
Shuffle = Annotated[bool, typer.Option("--shuffle", help="Single pairs, each once an epoch.")]
Validation = Annotated[float, typer.Option(help="Share of the text kept for validation.")]
EvalEvery = Annotated[int | None, typer.Option(min=1, help="Steps between evaluations.")]
EvalBatches = Annotated[int | None, typer.Option(min=1, help="Batches of one; all pairs if none.")]
Patience = Annotated[int | None, typer.Option(min=1, help="Stop after so many without gain.")]
MinDelta = Annotated[float, typer.Option(help="What counts as gain.")]
Samples = Annotated[int, typer.Option(min=0, help="Texts to print at each evaluation.")]
Plot = Annotated[
    str | None, typer.Option(help="Loss curve to write; MODEL's name with .loss.png if not given.")
]
CheckpointPath = Annotated[str | None, typer.Option(help="File; MODEL.checkpoint if not given.")]
CheckpointEvery = Annotated[int | None, typer.Option(min=1, help="Steps between checkpoints.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")]


def train(
    corpus: CorpusPaths,
    output: Output,
    optimizer: Optimizer = None,
    steps: Steps = None,
    learning_rate: Rate = None,
    momentum: Momentum = 0.0,
    weight_decay: Decay = None,
    l2: L2 = 0.0,
    clip_norm: Clip = None,
    schedule: Schedule = ScheduleName.constant,
    warmup_steps: Warmup = 0,
    final_learning_rate: FinalRate = 0.0,
    batch_size: BatchSize = None,
    block_size: BlockSize = 8,
    shuffle: Shuffle = False,
    validation: Validation = 0.0,
    eval_every: EvalEvery = None,
    eval_batches: EvalBatches = None,
    patience: Patience = None,
    min_delta: MinDelta = 0.0,
    samples: Samples = 3,
    plot: Plot = None,
    checkpoint: CheckpointPath = None,
    checkpoint_every: CheckpointEvery = None,
    resume: Resume = False,
    tokenizer: TokenizerOption = TokenizerKind.char,
    unknown: UnknownOption = None,
    min_count: MinCountOption = 1,
    text: RunningText = False,
    seed: SeedOption = None,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Train a model by gradient descent and save it."""
    import bigram

    given: dict[str, Any] = dict(locals())
    use_threads(threads)
    data, symbols = _data(given)
    model = bigram.NeuralModel(symbols, seed=seed)
    watchers = () if json else (_Watcher(samples, seed),)
    history = model.fit(data, callbacks=watchers, progress=on_terminal(), **_fit_options(given))
    model.save(output)
    picture = _draw(history, plot, output)
    if json:
        emit_json(_report(history) | {"model": output, "picture": picture})
        return
    if history.evaluations and history.evaluations[-1].step == len(history.losses):
        print(_line(history.evaluations[-1]))
    print(f"loss {history.losses[-1]:.4f} in step {len(history.losses):,}")
    print(f"counting reaches {history.floor:.4f}, and no model of pairs is below")
    print(*filter(None, [output, picture]), sep="\n")


def _data(given: dict[str, Any]) -> tuple[Any, Tokenizer | int]:
    """Return what to train on, and the tokenizer, or the number of ids where there is none."""
    import bigram

    counts = open_counts(given["corpus"])
    if counts is not None:
        return counts, counts.tokenizer or counts.vocab_size
    running = given["text"]
    corpus = open_corpus(given["corpus"], text=running)
    symbols, texts = corpus_tokenizer(
        given["tokenizer"],
        corpus,
        running_text=running,
        unknown=given["unknown"],
        min_count=given["min_count"],
    )
    if symbols is not None:
        return texts, symbols
    if given["batch_size"] is None and given["validation"] == 0:
        counts = bigram.count(texts, progress=on_terminal())
        assert counts.tokenizer is not None
        return counts, counts.tokenizer
    # Read twice: for the characters, and for the stream of tokens.
    symbols, texts = character_tokenizer(corpus, running_text=running)
    return texts, symbols


def _fit_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `NeuralModel.fit`, with defaults that suit the optimizer."""
    import bigram

    name = given["optimizer"]
    if name is None:
        name = OptimizerName.sgd if given["batch_size"] is None else OptimizerName.adamw
    steps, rate = _DEFAULTS[name]
    if name is OptimizerName.adamw and given["momentum"]:
        raise ValueError("--momentum is for sgd")
    steps = given["steps"] or steps
    path = given["checkpoint"]
    if path is None and (given["checkpoint_every"] or given["resume"]):
        path = given["output"] + ".checkpoint"
    return {option: given[option] for option in _SAME_NAME} | {
        "steps": steps,
        "learning_rate": rate if given["learning_rate"] is None else given["learning_rate"],
        "optimizer": bigram.SGD(given["momentum"]) if name is OptimizerName.sgd else "adamw",
        "schedule": given["schedule"].value,
        "eval_every": given["eval_every"] or max(1, steps // 10),
        "checkpoint": path,
    }


@dataclass(frozen=True)
class _Watcher:
    """Prints every evaluation, and some texts that the model would write now."""

    samples: int
    seed: int | None

    def __call__(self, step: TrainingStep) -> None:
        if step.evaluation is None:
            return
        print(_line(step.evaluation))
        if self.samples and step.model.tokenizer is not None:
            for text in _sample(step.model, self.samples, self.seed):
                print(f"  {text!r}")
        sys.stdout.flush()


def _sample(model: BigramModel, n: int, seed: int | None) -> list[str]:
    """Return texts, or where none has an end, what follows a line's end or the first symbol."""
    tokenizer = model.tokenizer
    assert tokenizer is not None
    if tokenizer.boundary_id is not None:
        return model.sample(n, seed=seed, max_length=_SAMPLE_LENGTH)
    prefix = "\n" if "\n" in tokenizer.vocab else tokenizer.vocab[0]
    texts = model.sample(n, seed=seed, prefix=prefix, max_length=_SAMPLE_LENGTH)
    return [text.removeprefix("\n") for text in texts]


def _line(found: LossEstimate) -> str:
    line = f"step {found.step}: train loss {found.train_loss:.4f}"
    validated = found.validation_loss == found.validation_loss  # not nan
    return f"{line}, val loss {found.validation_loss:.4f}" if validated else line


def _draw(history: History, path: str | None, output: str) -> str | None:
    """Write the loss curve and return its name; without matplotlib only if it was asked for."""
    picture = path or str(Path(output).with_suffix(".loss.png"))
    try:
        save_figure(history.plot(), picture)
    except ImportError as error:
        if path is not None:
            raise
        print(f"the loss curve is not drawn: {error}", file=sys.stderr)
        return None
    return picture


def _report(history: History) -> dict[str, Any]:
    return {
        "steps": len(history.losses),
        "loss": float(history.losses[-1]),
        "floor": history.floor,
        "seconds": history.seconds,
        "evaluations": [asdict(found) for found in history.evaluations],
    }
