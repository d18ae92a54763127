"""The commands around one model: fit, evaluate, sample, score, explain, plot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

import typer

from bigram.cli.inputs import input_lines, load_model, open_corpus, open_counts
from bigram.cli.options import (
    CorpusPaths,
    Force,
    InvalidUtf8,
    Json,
    ModelPath,
    RunningText,
    SeedOption,
    TextKey,
    Threads,
    TokenizerOptions,
    add_command,
    use_threads,
)
from bigram.cli.output import emit, emit_json, emit_table, flush, on_terminal
from bigram.cli.parsing import corpus_tokenizer, parse_smoothing
from bigram.cli.targets import check_target
from bigram.corpus.corpus import Corpus, iter_texts
from bigram.counts.bigram_counts import BigramCounts
from bigram.inference.evaluation import Evaluation
from bigram.inference.model import BigramModel
from bigram.models.count_model import CountModel
from bigram.plotting.figure import save_figure
from bigram.tokenizers.errors import UnknownSymbolError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (fit, evaluate, sample, score, explain, plot):
        add_command(app, command)


def fit(
    corpus: CorpusPaths,
    output: Annotated[str, typer.Option("--output", "-o", metavar="MODEL", help="File to write.")],
    smoothing: Annotated[
        str,
        typer.Option(help="mle, add-k:1, kneser-ney, ... ; `NAME:VALUE` sets its first option."),
    ] = "add-k:1",
    *,
    symbols: TokenizerOptions,
    errors: InvalidUtf8 = "strict",
    text_key: TextKey = "text",
    force: Force = False,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Count the pairs of a corpus and save a model."""
    use_threads(threads)
    check_target(output, corpus, force=force, endings=(".safetensors",))
    method = parse_smoothing(smoothing)
    counts = open_counts(corpus)
    if counts is not None:
        model = CountModel.from_counts(counts, method)
    else:
        source = open_corpus(corpus, text=symbols.text, errors=errors, text_key=text_key)
        tokenizer, texts = corpus_tokenizer(symbols, source)
        model = CountModel(method, tokenizer).fit(texts, progress=on_terminal())
    model.save(output)
    assert model.counts is not None
    found = {"model": output, "pairs": model.counts.total, "symbols": model.vocab_size}
    if json:
        emit_json(found | {"smoothing": method.to_json()})
    else:
        emit(f"{output}: {found['pairs']:,} pairs over {found['symbols']:,} symbols, {method}")


def evaluate(
    model: ModelPath,
    corpus: CorpusPaths,
    text: RunningText = False,
    errors: InvalidUtf8 = "strict",
    text_key: TextKey = "text",
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Measure how well a model predicts a corpus."""
    use_threads(threads)
    counts = open_counts(corpus)
    source: Corpus | BigramCounts
    if counts is None:
        source = open_corpus(corpus, text=text, errors=errors, text_key=text_key)
    else:
        source = counts
    found = load_model(model, for_texts=True).evaluate(source, progress=on_terminal())
    if json:
        emit_json(dataclasses.asdict(found))
    else:
        emit_table(_evaluation_rows(found))


def _evaluation_rows(found: Evaluation) -> list[tuple[str, str]]:
    number = found.num_sequences
    sequences = "" if number is None else f" in {number:,} sequences"
    rows = [
        ("nll", f"{found.nll:.4f} nats a token"),
        ("perplexity", f"{found.perplexity:.4f}"),
        ("bits per token", f"{found.bits_per_token:.4f}"),
        ("bits per byte", f"{found.bits_per_byte:.4f}"),
        ("tokens", f"{found.num_tokens:,}{sequences}, ends included"),
        ("unknown", f"{found.num_unknown:,}"),
        ("impossible", f"{found.num_zero:,} (probability zero)"),
    ]
    if not found.normalized:
        rows.append(("note", "scores, not probabilities: perplexity and bits mean nothing here"))
    if found.num_unknown:
        rows.append(
            (
                "without unknown",
                (
                    f"{found.nll_without_unknown:.4f} nats a token, "
                    f"perplexity {found.perplexity_without_unknown:.4f}"
                ),
            )
        )
    return rows


def sample(
    model: ModelPath,
    n: Annotated[int, typer.Option("-n", min=0, help="How many texts.")] = 10,
    seed: SeedOption = None,
    temperature: Annotated[
        float, typer.Option(help="Below 1 favours likely symbols, above 1 unlikely ones.")
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Only the k most likely symbols.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Only the likeliest symbols, of total probability p.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="What every text begins with.")] = "",
    max_length: Annotated[int | None, typer.Option(help="Longest text, in symbols.")] = None,
    unique: Annotated[bool, typer.Option("--unique", help="No text twice.")] = False,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Draw texts from a model, one per line."""
    use_threads(threads)
    texts = load_model(model).sample(
        n,
        seed=seed,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        prefix=prefix,
        max_length=max_length,
        unique=unique,
    )
    if json:
        emit_json(texts)
    else:
        for line in texts:
            emit(line)


def score(
    model: ModelPath,
    corpus: CorpusPaths,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Print the log-probability of each line.

    The output is the log-probability in nats, a tab, and the line. Lines of standard input are
    answered as they arrive; --json writes one object per line.
    """
    use_threads(threads)
    scorer = load_model(model, for_texts=True)
    for path in corpus:
        number = 0
        for texts in input_lines() if path == "-" else _batches(path):
            _score_some(scorer, texts, json, path, number)
            number += len(texts)


def _score_some(scorer: BigramModel, texts: list[str], json: bool, path: str, number: int) -> None:
    """Print the scores of some lines, of which `number` came before."""
    bad: ValueError | None = None
    try:
        scores = scorer.score(texts)
    except ValueError as error:  # the lines before the bad one are still answered
        good, bad = _first_refused(scorer, texts, error)
        texts = texts[:good]
        scores = scorer.score(texts)
    rows = zip(texts, scores.tolist(), strict=True)
    if json:
        for text, value in rows:
            emit_json({"text": text, "score": value})
    else:
        emit("".join(f"{value:.6f}\t{text}\n" for text, value in rows), end="")
    flush()
    if bad is None:
        return
    line = f"{path}: line {number + len(texts) + 1}"
    if isinstance(bad, UnknownSymbolError):
        symbol = f"{bad.character!r} (U+{bad.code_point:04X})"
        raise ValueError(f"{line}: {symbol} is not in the vocabulary of the model")
    raise ValueError(str(bad).replace("texts[0]", line, 1))


def _first_refused(
    scorer: BigramModel, texts: list[str], error: ValueError
) -> tuple[int, ValueError]:
    """Return the index of the first text that cannot be scored, and the error for it alone."""
    for index, text in enumerate(texts):
        try:
            scorer.score(text)
        except ValueError as alone:  # noqa: PERF203
            return index, alone
    raise error


def explain(
    model: ModelPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='A text, or "-" for stdin.')],
    json: Json = False,
) -> None:
    """Split the score of a text into its pairs."""
    explainer = load_model(model, for_texts=True)
    for lines in input_lines() if text == "-" else [[text]]:
        for line in lines:
            _explain_one(explainer, line, json)


def _explain_one(model: BigramModel, text: str, json: bool) -> None:
    rows = model.explain(text)
    total = model.score(text)
    if json:
        emit_json({"text": text, "score": total, "pairs": [row._asdict() for row in rows]})
        return
    width = max([4, *(len(_shown(row.pair)) for row in rows)])
    emit(f"{'pair':<{width}}  probability  log-probability")
    for row in rows:
        note = "  unknown" if row.unknown else "  impossible" if row.probability == 0 else ""
        emit(
            f"{_shown(row.pair):<{width}}  {row.probability:>11.4f}  "
            f"{row.log_probability:>15.4f}{note}"
        )
    mean = f", {-total / len(rows):.4f} nats a pair" if rows else ""
    emit(f"log-likelihood of {text!r}: {total:.4f}{mean}")


def plot(
    model: ModelPath,
    output: Annotated[
        str, typer.Option("--output", "-o", help="Picture to write: .png, .svg or .pdf.")
    ] = "bigrams.png",
    max_symbols: Annotated[
        int, typer.Option(min=1, help="Draw at most this many, the most frequent.")
    ] = 100,
    title: Annotated[str | None, typer.Option(help="Title above the picture.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Draw the heat map of a model: every pair with its count or probability."""
    check_target(output, [model], force=force)
    axes = load_model(model).plot(title=title, max_symbols=max_symbols)
    picture = save_figure(axes, output)
    if json:
        emit_json({"picture": picture})
    else:
        emit(picture)


def _batches(path: str) -> Iterator[list[str]]:
    """Yield the lines of a file in lists."""
    for texts, _ in iter_texts(open_corpus([path], text=False)):
        yield texts


def _shown(pair: str) -> str:
    """Return a pair so that it fits on one line: other characters are escaped."""
    return pair if pair.isprintable() else pair.encode("unicode_escape").decode()
