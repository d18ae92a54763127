"""Figures and colours that all plots share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bigram.common.optional import needs
from bigram.common.version import __version__
from bigram.storage.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure

__all__ = ["BLUES", "FAINT", "INK", "PAPER", "SOFT", "new_figure", "save_figure"]

INK, SOFT, FAINT, PAPER = "#0b2545", "#5b7186", "#8fa3b8", "#ffffff"
BLUES = ("#ffffff", "#e6effa", "#bdd5ee", "#86b4de", "#4a8cc8", "#1f63a8", "#0b3c78")

_PROGRAM = {"png": "Software", "svg": "Creator", "pdf": "Creator", "ps": "Creator"}


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure outside of pyplot, width and height in inches."""
    with needs("matplotlib", extra="plot", purpose="plotting"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), facecolor=PAPER)


def save_figure(axes: Axes, path: str) -> str:
    """Write the figure of some axes, whole or not at all; return the name of the file.

    The name's ending chooses the format; without one, it gets that of matplotlib's default.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    assert isinstance(axes.figure, Figure)
    ending = os.path.splitext(path)[1]
    if not ending:
        ending = "." + rcParams["savefig.format"]
        path += ending
    form = ending[1:].lower()
    # Says that the file is ours: it may be drawn again.
    metadata = {_PROGRAM[form]: f"bigram {__version__}"} if form in _PROGRAM else None
    with atomic_write(path) as file:
        axes.figure.savefig(file, format=form, metadata=metadata)
    return path
