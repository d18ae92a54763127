"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

__all__ = [
    "CorpusPaths",
    "InvalidUtf8",
    "Json",
    "MinCountOption",
    "ModelPath",
    "RunningText",
    "SeedOption",
    "Threads",
    "TokenizerKind",
    "TokenizerOption",
    "UnknownOption",
    "use_threads",
]


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


class TokenizerKind(str, Enum):
    """What a symbol is."""

    char = "char"
    byte = "byte"
    word = "word"


TokenizerOption = Annotated[TokenizerKind, typer.Option(help="What a symbol is.")]


UnknownOption = Annotated[
    str | None, typer.Option(help="Symbol for what is not in the vocabulary, such as <unk>.")
]


MinCountOption = Annotated[
    int, typer.Option(min=1, help="Words seen less often become the unknown one.")
]
