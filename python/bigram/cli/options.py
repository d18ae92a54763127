"""Options and arguments that several commands share."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Annotated

import typer

from bigram.common.signatures import expand
from bigram.common.threads import set_num_threads

__all__ = [
    "CorpusPaths",
    "Force",
    "InvalidUtf8",
    "Json",
    "ModelPath",
    "RunningText",
    "SeedOption",
    "TextKey",
    "Threads",
    "TokenizerKind",
    "TokenizerOptions",
    "add_command",
    "use_threads",
]


ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model that `fit` or `train` wrote, or .arpa.")
]


CorpusPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="CORPUS", help='Text files (.gz, .zst too), .jsonl, .parquet, "-", or counts.'
    ),
]


RunningText = Annotated[
    bool, typer.Option("--text", help="Running text: a file is one sequence, not one a line.")
]


InvalidUtf8 = Annotated[
    str,
    typer.Option("--errors", help='Invalid UTF-8: "strict" stops, "replace" reads it as U+FFFD.'),
]


TextKey = Annotated[
    str,
    typer.Option(metavar="KEY", help="Of .jsonl and .parquet: the key or column of the texts."),
]


Force = Annotated[
    bool, typer.Option("--force", help="Overwrite a file that bigram has not written.")
]


Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="The same seed gives the same output.")
]


Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads; all processors if not given.")
]


class TokenizerKind(str, Enum):
    """What a symbol is."""

    char = "char"
    byte = "byte"
    word = "word"


@dataclass(frozen=True, kw_only=True)
class TokenizerOptions:
    """How the texts of a corpus are split into symbols."""

    tokenizer: Annotated[TokenizerKind, typer.Option(help="What a symbol is.")] = TokenizerKind.char
    unknown: Annotated[
        str | None, typer.Option(help="Symbol for what is not in the vocabulary, such as <unk>.")
    ] = None
    min_count: Annotated[
        int, typer.Option(min=1, help="Words seen less often become the unknown one.")
    ] = 1
    text: RunningText = False


def add_command(app: typer.Typer, function: Callable[..., None]) -> None:
    """Add a command; the fields of a parameter that is a dataclass are options of it."""
    hints = typing.get_type_hints(function)
    groups = {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)
    }
    app.command()(expand(function, eval_str=True, **groups))


def use_threads(threads: int | None) -> None:
    """Make the number of threads the default of this process."""
    if threads is not None:
        set_num_threads(threads)
