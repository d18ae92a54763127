"""Where the command begins, before its imports, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

import signal

from bigram.common.startup import INTERRUPTED, end_at_once, interrupt_as_usual

__all__ = ["main"]


def main() -> int:
    """Run the command line of this process and return its exit code."""
    end_at_once()
    from bigram.cli.app import main as run

    try:
        interrupt_as_usual()
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is written; the end must not fail
