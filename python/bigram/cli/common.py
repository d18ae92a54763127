"""What the commands share: options, reading models and lines, and writing results."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bigram import BigramCounts, Corpus
    from bigram.models import BigramModel

_READ_BYTES = 1 << 16
_DEFAULTS = ("strict", "surrogateescape")  # of standard output, if the user has not chosen

COUNT_FORMS = (".npz", ".tsv", ".parquet")  # of counts, beside our own files

ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model that `fit` or `train` wrote, or .arpa.")
]
CorpusPaths = Annotated[
    list[str],
    typer.Argument(metavar="CORPUS", help='Text files (.gz, .zst too), "-" for stdin, or counts.'),
]
RunningText = Annotated[
    bool, typer.Option("--text", help="Running text: a file is one sequence, not one a line.")
]
InvalidUtf8 = Annotated[
    str, typer.Option("--errors", help='Invalid UTF-8: "strict" stops, "replace" goes on.')
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="The same seed gives the same output.")
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads; all processors if not given.")
]


def use_threads(threads: int | None) -> None:
    """Make the number of threads the default of this process."""
    if threads is not None:
        import bigram

        bigram.set_num_threads(threads)


def on_terminal() -> bool:
    """Tell whether somebody watches standard error, so that a progress bar makes sense."""
    return sys.stderr.isatty()


def open_corpus(paths: Sequence[str], *, text: bool, errors: str = "strict") -> Corpus:
    """Return the corpus of these text files."""
    import bigram

    make = bigram.Corpus.text if text else bigram.Corpus.lines
    return make(list(paths), errors=errors)


def open_counts(paths: Sequence[str]) -> BigramCounts | None:
    """Return the counts that `bigram count` wrote, or None if these paths are no such file."""
    from bigram import BigramCounts

    if not any(path.endswith(".safetensors") for path in paths):
        return None
    if len(paths) > 1:
        raise ValueError("one file of counts at a time: `bigram merge` adds several")
    return BigramCounts.load(paths[0])


def read_counts(path: str) -> BigramCounts:
    """Read counts in one of COUNT_FORMS, which the file's name says."""
    from bigram import BigramCounts

    read = getattr(BigramCounts, "from_" + path.rpartition(".")[2])
    found: BigramCounts = read(path)
    return found


def load_model(path: str) -> BigramModel:
    """Read a model, ours or an ARPA file."""
    import bigram
    from bigram.models import BigramModel

    if path.endswith((".arpa", ".arpa.gz")):
        return bigram.CountModel.from_arpa(path)
    model: object = bigram.load(path)
    if not isinstance(model, BigramModel):
        raise ValueError(f"{path}: holds {type(model).__name__}, wanted a model: see `bigram fit`")
    return model


def input_lines() -> Iterator[list[str]]:
    """Yield the lines of standard input as they arrive, without waiting for more.

    Lines end at newlines; one carriage return before it and a leading byte-order mark are dropped.
    """
    if sys.stdin is None:
        raise OSError("standard input is closed")
    stream = cast(BufferedReader, sys.stdin.buffer)
    rest, number = b"", 0
    while chunk := stream.read1(_READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield _decoded(lines, number)
            number += len(lines)
    if rest:
        yield _decoded([rest], number)


def _decoded(lines: list[bytes], number: int) -> list[str]:
    """Decode lines, of which `number` came before."""
    texts = []
    for index, line in enumerate(lines, number):
        line = line.removesuffix(b"\r")
        try:
            texts.append(line.decode("utf-8-sig" if index == 0 else "utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"-: line {index + 1}, byte {error.start}: invalid UTF-8") from None
    return texts


def _writes_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("_", "-").startswith("utf")


def escape_what_cannot_be_written() -> None:
    """Let standard output write what its encoding lacks as escapes, as standard error does."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in _DEFAULTS:
        sys.stdout.reconfigure(errors="backslashreplace")


def emit_json(value: Any) -> None:
    """Print one line of JSON.

    JSON has no infinities: they are written as 1e999 and -1e999, which overflow to infinities in
    most readers (Python and JavaScript among them); nan becomes null.
    """
    text = json.dumps(value, ensure_ascii=not _writes_unicode())
    named = {"Infinity": "1e999", "-Infinity": "-1e999", "NaN": "null"}
    # Strings are matched too, so that a word inside one is left alone.
    print(re.sub(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', lambda m: named.get(m[0], m[0]), text))


def emit_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def save_picture(axes: Axes, path: str) -> None:
    """Write the figure that axes belong to, in the format that the file's name says."""
    from matplotlib.figure import Figure

    assert isinstance(axes.figure, Figure)
    axes.figure.savefig(path)


def describe(error: BaseException) -> str:
    """Say in one line what was wrong."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fspath(error.filename)}: {error.strerror}"
    format_message = getattr(error, "format_message", None)
    if format_message is not None:
        message = format_message()
    elif isinstance(error, KeyError) and error.args:
        message = str(error.args[0])  # str of a KeyError would quote its message
    else:
        message = str(error)
    return " ".join(message.split()) or type(error).__name__
