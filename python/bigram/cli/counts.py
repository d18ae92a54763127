"""The commands around counts: count, merge, convert."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from bigram.cli.inputs import COUNT_FORMS, load_model, open_corpus, read_counts
from bigram.cli.options import (
    Force,
    InvalidUtf8,
    Json,
    TextKey,
    Threads,
    TokenizerOptions,
    add_command,
    use_threads,
)
from bigram.cli.output import emit, emit_json, on_terminal
from bigram.cli.parsing import corpus_tokenizer, parse_smoothing
from bigram.cli.targets import ARPA_ENDINGS, check_target
from bigram.corpus.corpus import Corpus
from bigram.counting.count import count as count_pairs
from bigram.counts.bigram_counts import BigramCounts
from bigram.inference.model import BigramModel
from bigram.models.count_model import CountModel
from bigram.models.loading import load
from bigram.tokenizers.protocol import Tokenizer

_ENDINGS = (".safetensors", *COUNT_FORMS)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

_Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="COUNTS",
        help="To write: .safetensors, .npz, .tsv or .parquet.",
    ),
]
_MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="BYTES", help="Memory for sparse counts, such as 2G; the rest goes to disk."
    ),
]


@dataclass(frozen=True, kw_only=True)
class ShardOptions:
    """What is known of files of token ids."""

    shards: Annotated[
        bool, typer.Option("--shards", help="The files hold token ids (nanoGPT, llm.c, .npy).")
    ] = False
    vocab_size: Annotated[
        int | None, typer.Option(min=1, help="With --shards: the number of ids.")
    ] = None
    dtype: Annotated[
        str | None, typer.Option(help="With --shards: uint16, uint32, ... of headerless files.")
    ] = None
    eod_id: Annotated[
        int | None, typer.Option(min=0, help="With --shards: the id between documents.")
    ] = None

    def corpus(self, paths: list[str]) -> Corpus:
        """Return the corpus of these files."""
        if self.vocab_size is None:
            raise ValueError("--shards needs --vocab-size, the number of ids")
        return Corpus.shards(
            paths, dtype=self.dtype, vocab_size=self.vocab_size, eod_id=self.eod_id
        )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (count, merge, convert):
        add_command(app, command)


def count(
    corpus: Annotated[
        list[str], typer.Argument(metavar="CORPUS", help='Files, or "-" for standard input.')
    ],
    output: _Output,
    *,
    symbols: TokenizerOptions,
    errors: InvalidUtf8 = "strict",
    text_key: TextKey = "text",
    shards: ShardOptions,
    layout: Annotated[str, typer.Option(help="auto, dense or sparse.")] = "auto",
    memory_limit: _MemoryLimit = None,
    resume: Annotated[
        str | None, typer.Option(metavar="FILE", help="Checkpoint; continue from it if it exists.")
    ] = None,
    force: Force = False,
    json: Json = False,
    threads: Threads = None,
) -> None:
    """Count the pairs of a corpus and save the counts."""
    use_threads(threads)
    check_target(output, corpus, force=force, endings=_ENDINGS)
    if resume is not None:
        check_target(resume, corpus, force=False, option="resume")
    texts: Corpus | list[str]
    tokenizer: Tokenizer | None = None
    if shards.shards:
        texts = shards.corpus(corpus)
    else:
        source = open_corpus(corpus, text=symbols.text, errors=errors, text_key=text_key)
        tokenizer, texts = corpus_tokenizer(symbols, source)
    counts = count_pairs(
        texts,
        tokenizer,
        layout=layout,
        memory_limit=None if memory_limit is None else _bytes(memory_limit),
        resume=resume,
        out=None if output.endswith(COUNT_FORMS) else output,
        progress=on_terminal(),
    )
    if output.endswith(COUNT_FORMS):
        _write(counts, output)
    _report(output, counts, json)


def merge(
    counts: Annotated[
        list[str], typer.Argument(metavar="COUNTS", help="Files that `count` or `convert` wrote.")
    ],
    output: _Output,
    force: Force = False,
    json: Json = False,
) -> None:
    """Add up counts, of any number and size."""
    check_target(output, counts, force=force, endings=_ENDINGS)
    items = [read_counts(path) if path.endswith(COUNT_FORMS) else path for path in counts]
    out = None if output.endswith(COUNT_FORMS) else output
    total = BigramCounts.merge(*items, out=out, progress=on_terminal())
    if output.endswith(COUNT_FORMS):
        _write(total, output)
    _report(output, total, json)


def convert(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="Counts or a model: any format named below.")
    ],
    output: Annotated[
        str,
        typer.Argument(metavar="TO", help=".safetensors, .npz, .tsv, .parquet, .arpa or .arpa.gz"),
    ],
    smoothing: Annotated[
        str, typer.Option(help="Makes a model of counts, for .arpa.")
    ] = "modified-kneser-ney",
    force: Force = False,
    json: Json = False,
) -> None:
    """Write counts or a model in another format, chosen by the file's name."""
    check_target(output, [source], force=force)
    thing = _open(source)
    if output.endswith(ARPA_ENDINGS):
        _as_model(thing, smoothing).to_arpa(output)
    elif output.endswith(COUNT_FORMS):
        _write(_as_counts(thing, source), output)
    elif output.endswith(".safetensors"):
        thing.save(output)
    else:
        known = ", ".join((*_ENDINGS, *ARPA_ENDINGS))
        raise ValueError(f"output = {output}, wanted a name that ends in {known}")
    if json:
        emit_json({"input": source, "output": output})
    else:
        emit(output)


def _open(path: str) -> Any:
    """Read counts or a model, whichever it is."""
    if path.endswith(COUNT_FORMS):
        return read_counts(path)
    return load_model(path) if path.endswith(ARPA_ENDINGS) else load(path)


def _as_model(thing: BigramCounts | BigramModel, smoothing: str) -> BigramModel:
    if isinstance(thing, BigramCounts):
        return CountModel.from_counts(thing, parse_smoothing(smoothing))
    return thing


def _as_counts(thing: Any, path: str) -> BigramCounts:
    counts = thing if isinstance(thing, BigramCounts) else getattr(thing, "counts", None)
    if counts is None:
        raise ValueError(f"{path}: holds probabilities, wanted counts")
    return counts


def _write(counts: BigramCounts, path: str) -> None:
    """Write counts in the format that the file's name ends in."""
    getattr(counts, "to_" + path.rpartition(".")[2])(path)


def _report(path: str, counts: BigramCounts, json: bool) -> None:
    found = {"pairs": counts.total, "distinct": counts.num_pairs, "symbols": counts.vocab_size}
    if json:
        emit_json({"counts": path, **found})
    else:
        emit(
            f"{path}: {found['pairs']:,} pairs, {found['distinct']:,} of them distinct, "
            f"over {found['symbols']:,} symbols"
        )


def _bytes(text: str) -> int:
    """Read a number of bytes: 500000, 64M, 1.5G.

    Examples
    --------
    >>> _bytes("64M"), _bytes("1.5g")
    (67108864, 1610612736)
    """
    match = re.fullmatch(r"(\d+\.?\d*)\s*([kmgt]?)i?b?", text.strip().lower())
    if match is None:
        raise ValueError(f"memory limit = {text!r}, wanted a number of bytes such as 500000 or 2G")
    return int(float(match[1]) * _UNITS[match[2]])
