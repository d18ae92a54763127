"""Ctrl-C while the command `bigram` imports what it needs: it ends at once, without a traceback."""

from __future__ import annotations

import os
import sys

# Not `signal`, which imports `enum` first.
from _signal import (  # type: ignore[import-not-found]
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)
from typing import Any

__all__ = ["INTERRUPTED", "end_at_once", "interrupt_as_usual"]

INTERRUPTED = 130  # exit code after Ctrl-C, as shells expect


def end_at_once() -> None:
    """Let Ctrl-C end the process while this is the command `bigram`; nothing is written yet.

    A program that imports the package keeps its own handler, and an ignored Ctrl-C stays ignored.
    """
    if _is_command() and getsignal(SIGINT) is default_int_handler:
        signal(SIGINT, _exit)


def interrupt_as_usual() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if getsignal(SIGINT) is _exit:
        signal(SIGINT, default_int_handler)


def _exit(_number: int, _frame: Any) -> None:
    os._exit(INTERRUPTED)


def _is_command() -> bool:
    """Tell whether this process is `python -m bigram`, or the script `bigram`."""
    name = sys.argv[0] if sys.argv else ""
    if name == "-m":  # until the module is found, whose path then takes its place
        words = sys.orig_argv
        return words[words.index("-m") + 1 :][:1] == ["bigram"] if "-m" in words else False
    parts = os.path.split(name)
    by_module = parts[1] == "__main__.py" and os.path.basename(parts[0]) == "bigram"
    return by_module or parts[1] in ("bigram", "bigram.exe")


end_at_once()  # `import bigram` takes most of the time of a short command
