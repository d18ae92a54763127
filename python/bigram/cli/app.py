"""The command `bigram`: its entry point and its exit codes.

Each module of this package adds its commands to `app`. Bad input of any kind gives exit code 2 and
one line on standard error, and a lack of memory 1; Ctrl-C gives 130 and a closed pipe 141, as
shells expect.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

import typer

from bigram.cli import counts, demo, info, models, train
from bigram.cli.output import (
    complain,
    describe,
    drop_standard_output,
    emit,
    escape_what_cannot_be_written,
    flush,
    on_one_line,
)
from bigram.common.startup import INTERRUPTED
from bigram.common.version import __version__

__all__ = ["app", "main"]

_NO_MEMORY, _BAD_INPUT, _PIPE_CLOSED = 1, 2, 141

# The base of all errors about the command line itself; where it is defined differs by version.
_UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]

_BAD_INPUTS = (
    _UsageProblem,
    ArithmeticError,  # a loss that is not finite
    ImportError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
)

app = typer.Typer(
    name="bigram", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Bigram language models: count pairs of symbols, score, sample and explain texts.

    Begin with `bigram demo`. Then fit your own list, one text a line:

    \b
        bigram fit names.txt -o names.safetensors
        bigram sample names.safetensors -n 20
        bigram evaluate names.safetensors other.txt
        cat texts.txt | bigram score names.safetensors -

    "-" is standard input; --json gives output for programs.
    `bigram COMMAND --help` says what each command takes.
    """  # noqa: D301
    if version:
        emit(f"bigram {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        emit(context.get_help())


demo.register(app)
models.register(app)
counts.register(app)
train.register(app)
info.register(app)


@contextlib.contextmanager
def _short_warnings() -> Iterator[None]:
    """Print warnings as one line, without the source line that gave them."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_args, **_named: (
        f"bigram: warning: {on_one_line(str(message))}\n"
    )
    try:
        yield
    finally:
        warnings.formatwarning = before


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    _open_standard_error()
    try:
        return _run(words)
    except typer.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        drop_standard_output()  # the reader of the output is gone (`| head`)
        return _PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except MemoryError:
        complain("bigram: error: not enough memory")
        return _NO_MEMORY
    except _BAD_INPUTS as error:
        complain(f"bigram: error: {describe(error)}")
        return _BAD_INPUT


def _run(words: list[str]) -> int:
    if sys.stdout is None:
        raise OSError("standard output is closed")
    escape_what_cannot_be_written()
    # Not through command.main, which has its own exit codes.
    command = typer.main.get_command(app)
    with _short_warnings(), command.make_context("bigram", words) as context:
        command.invoke(context)
    flush()
    return 0


def _open_standard_error() -> None:
    """Open the null device where standard error is closed, lest a file take its number."""
    if sys.stderr is None:
        with contextlib.suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            if null != 2:
                os.dup2(null, 2)
                os.close(null)
            sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
