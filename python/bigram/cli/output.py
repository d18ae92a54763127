"""What the commands write: tables, JSON, pictures and errors."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = [
    "complain",
    "describe",
    "drop_standard_output",
    "emit",
    "emit_json",
    "emit_table",
    "escape_what_cannot_be_written",
    "flush",
    "on_one_line",
    "on_terminal",
    "printable",
]

_DEFAULTS = ("strict", "surrogateescape")  # of standard output, if the user has not chosen


_LONGEST_ERROR = 2000  # characters

# Control characters but tab and newline, lone surrogates, and what turns the direction of writing.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_ASCII_CONTROLS = bytes(code for code in (*range(32), 127) if chr(code) not in "\t\n")


def on_terminal() -> bool:
    """Tell whether standard error is a terminal, where a progress bar makes sense."""
    return sys.stderr is not None and sys.stderr.isatty()


def printable(text: str) -> str:
    r"""Return text that cannot control a terminal: what would is escaped, tab and newline are not.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isascii():  # ten times faster than the search
        data = text.encode()
        if len(data.translate(None, _ASCII_CONTROLS)) == len(data):
            return text
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def on_one_line(text: str) -> str:
    """Return printable text with newlines and tabs escaped too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def emit(text: str = "", end: str = "\n") -> None:
    """Print text for people: names and symbols of a file cannot control the terminal.

    Raises
    ------
    OSError
        If standard output cannot be written, which the error names.
    """
    with _naming_standard_output():
        sys.stdout.write(printable(text) + end)


def flush() -> None:
    """Write what is buffered; raises as `emit` does."""
    with _naming_standard_output():
        sys.stdout.flush()


@contextlib.contextmanager
def _naming_standard_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_standard_output()
        raise OSError(error.errno, error.strerror, "standard output") from None


def drop_standard_output() -> None:
    """Let the flush at exit not fail again."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def complain(text: str) -> None:
    """Print one line on standard error."""
    if sys.stderr is not None:
        print(on_one_line(text), file=sys.stderr)


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
    emit(_json(value, json.JSONEncoder(ensure_ascii=not _writes_unicode())))


_INFINITIES = {math.inf: "1e999", -math.inf: "-1e999"}


def _json(value: Any, encoder: json.JSONEncoder) -> str:
    if isinstance(value, dict):
        rows = (
            f"{encoder.encode(str(key))}: {_json(item, encoder)}" for key, item in value.items()
        )
        return "{" + ", ".join(rows) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_json(item, encoder) for item in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return _INFINITIES.get(value, "null")
    text = encoder.encode(value)
    return text if text.isascii() else _UNPRINTABLE.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def emit_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns, each on one line."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        emit(f"{on_one_line(name):<{width}}  {on_one_line(value)}")


def describe(error: BaseException) -> str:
    """Return in one line of bounded length what was wrong."""
    format_message = getattr(error, "format_message", None)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        message = f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif format_message is not None:
        message = " ".join(format_message().split())  # its lines are those of a list of choices
    elif isinstance(error, KeyError) and error.args:
        message = str(error.args[0])  # str of a KeyError would quote its message
    else:
        message = str(error)
    if len(message) > _LONGEST_ERROR:
        message = f"{message[: _LONGEST_ERROR // 2]} ... {message[-_LONGEST_ERROR // 2 :]}"
    return on_one_line(message.strip()) or type(error).__name__
