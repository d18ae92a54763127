"""What the commands write: tables, JSON, pictures and errors."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

__all__ = [
    "describe",
    "emit_json",
    "emit_table",
    "escape_what_cannot_be_written",
    "on_terminal",
]

_DEFAULTS = ("strict", "surrogateescape")  # of standard output, if the user has not chosen


def on_terminal() -> bool:
    """Tell whether standard error is a terminal, where a progress bar makes sense."""
    return sys.stderr.isatty()


def _writes_unicode() -> bool:
    return (sys.stdout.encoding or "utf-8").lower().replace("_", "-").startswith("utf")


def escape_what_cannot_be_written() -> None:
    """Let standard output escape characters that its encoding lacks, as standard error does."""
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


def describe(error: BaseException) -> str:
    """Return in one line what was wrong."""
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
