"""What this build is and which instruction set it uses."""

from __future__ import annotations

import os
import platform
import sys
import warnings

from bigram import _core
from bigram.common.threads import get_num_threads
from bigram.common.version import __version__

__all__ = ["show_config"]

_LEVELS = ("baseline", "avx2", "avx512")


def apply_isa_variable() -> None:
    """Force the instruction set that ``BIGRAM_ISA`` names, with a warning where it cannot be."""
    wanted = os.environ.get("BIGRAM_ISA", "")
    if not wanted:
        return
    if wanted not in _LEVELS:
        message = f"BIGRAM_ISA={wanted!r} is not one of {', '.join(_LEVELS)}; it is ignored"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return
    _core.set_isa(wanted)
    if _core.active_isa() != wanted:
        message = f"BIGRAM_ISA={wanted}: this machine lacks it; {_core.active_isa()} is used"
        warnings.warn(message, RuntimeWarning, stacklevel=2)


def show_config() -> None:
    """Print version, compiler, OpenMP, instruction set and threads.

    Examples
    --------
    >>> import bigram
    >>> bigram.show_config()
    bigram ...
    compiler ...
    OpenMP ...
    instruction set ...
    threads ...
    """
    openmp = _core.openmp_version()
    lines = {
        "bigram": __version__,
        "python": f"{platform.python_version()} ({sys.platform}, {platform.machine()})",
        "compiler": _core.compiler(),
        "OpenMP": str(openmp) if openmp else "none (serial)",
        "instruction set": f"{_core.active_isa()} (best of this machine: {_core.best_isa()})",
        "threads": str(get_num_threads()),
    }
    for name, value in lines.items():
        print(f"{name:<16}{value}")  # noqa: T201
