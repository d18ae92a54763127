"""Say what is waited for where opening a file may wait without end."""

from __future__ import annotations

import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["announcing_a_wait"]

_SECONDS = 1.0


@contextmanager
def announcing_a_wait(path: str) -> Iterator[None]:
    """Warn if the block, which opens `path` for reading, waits a second for a writer of a pipe."""
    try:
        is_pipe = stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):  # the block says why it cannot open it
        is_pipe = False
    if not is_pipe:
        yield
        return
    timer = threading.Timer(_SECONDS, _warn, [path])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _warn(path: str) -> None:
    message = f"{path}: is a pipe that nobody writes to yet: waiting for a writer"
    warnings.warn(message, stacklevel=2)
