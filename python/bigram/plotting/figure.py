"""Figures and colours that all plots share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigram.common.optional import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure

__all__ = ["BLUES", "FAINT", "INK", "PAPER", "SOFT", "new_figure", "save_figure"]

INK, SOFT, FAINT, PAPER = "#0b2545", "#5b7186", "#8fa3b8", "#ffffff"
BLUES = ("#ffffff", "#e6effa", "#bdd5ee", "#86b4de", "#4a8cc8", "#1f63a8", "#0b3c78")


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure outside of pyplot, width and height in inches."""
    with needs("matplotlib", extra="plot", purpose="plotting"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), facecolor=PAPER)


def save_figure(axes: Axes, path: str) -> None:
    """Write the figure of some axes, in the format that the file's name ends in."""
    from matplotlib.figure import Figure

    assert isinstance(axes.figure, Figure)
    axes.figure.savefig(path)
