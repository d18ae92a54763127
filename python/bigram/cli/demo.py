"""`bigram demo`: a model of given names, in a few seconds and without an input file."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import typer

from bigram import datasets
from bigram.cli.options import Json, SeedOption, Threads, add_command, use_threads
from bigram.cli.output import emit, emit_json
from bigram.models.count_model import CountModel
from bigram.plotting.figure import save_figure
from bigram.smoothing.additive import MLE, AddK

_PICTURE, _MODEL = "bigram-demo.png", "bigram-demo.safetensors"
_SAMPLES = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, demo)


def demo(seed: SeedOption = None, json: Json = False, threads: Threads = None) -> None:
    """Fit 5,000 given names, make up new ones, draw the heat map. Begin here."""
    use_threads(threads)
    names = datasets.load_names()
    model = CountModel(AddK(1.0)).fit(names)
    samples = model.sample(
        _SAMPLES, seed=42 if seed is None else seed, unique=True, exclude=names, max_length=30
    )
    found = _findings(model, names)
    found |= {"samples": samples, "picture": _draw(model), "model": _save(model)}
    if json:
        emit_json(found)
    else:
        _report(found)


def _findings(model: CountModel, names: list[str]) -> dict[str, Any]:
    """Return what the demo reports about the model."""
    assert model.counts is not None
    evaluation = model.evaluate(names)
    likelihood = CountModel.from_counts(model.counts, MLE()).evaluate(names)
    return {
        "names": len(names),
        "pairs": model.counts.total,
        "symbols": model.vocab_size,
        "nll": evaluation.nll,
        "nll_maximum_likelihood": likelihood.nll,
        "perplexity": evaluation.perplexity,
        "likely_starts": dict(model.next_token("", 5)),
        "frequent_pairs": {i + j: n for i, j, n in model.counts.top(5)},
    }


def _draw(model: CountModel) -> str:
    """Write the heat map and return its name, or the reason why there is none."""
    try:
        axes = model.plot(title="How often one letter follows another in given names")
        save_figure(axes, _PICTURE)
    except (ImportError, OSError) as error:
        return f"not drawn: {error}"
    return _PICTURE


def _save(model: CountModel) -> str:
    """Write the model and return its name, or the reason why not."""
    try:
        model.save(_MODEL)
    except OSError as error:
        return f"not saved: {error}"
    return _MODEL


def _report(found: dict[str, Any]) -> None:
    starts = ", ".join(f"{s} {p:.1%}" for s, p in found["likely_starts"].items())
    pairs = ", ".join(f"{pair} {n:,}" for pair, n in found["frequent_pairs"].items())
    emit(f"A bigram model of {found['names']:,} given names (U.S. Census 1990)\n")
    emit(f"  pairs of letters     {found['pairs']:,} over {found['symbols']} symbols; . is an end")
    emit(f"  most frequent        {pairs}")
    emit(f"  most likely starts   {starts}")
    emit(
        f"  likelihood           {found['nll']:.4f} nats a pair with add-one smoothing, "
        f"{found['nll_maximum_likelihood']:.4f} at best"
    )
    emit(
        f"  perplexity           {found['perplexity']:.2f}; "
        f"knowing nothing it would be {found['symbols']}\n"
    )
    emit(f"{len(found['samples'])} names that are not in the list:\n")
    emit(fill("  ".join(found["samples"]), 72, initial_indent="  ", subsequent_indent="  "))
    emit(f"\nheat map of the table  {found['picture']}")
    emit(f"model                  {found['model']}\n")
    emit("What to type next:\n")
    emit(f"  bigram sample {_MODEL} -n 10 --prefix jo --seed 1")
    emit(f"  bigram explain {_MODEL} andrejz")
    emit("  bigram fit YOUR_LIST.txt -o mine.safetensors     one text a line")
    emit("  bigram --help")
