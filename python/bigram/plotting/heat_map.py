"""The heat map of a bigram model: one cell for every pair, with the pair and its count.

It is drawn on a new matplotlib figure, without pyplot and so without a display or global state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bigram.common.checks import check_index
from bigram.plotting.figure import BLUES, FAINT, INK, PAPER, SOFT, new_figure
from bigram.tables.conversion import probability_rows
from bigram.tokenizers.protocol import pair_separator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from bigram.counts.bigram_counts import BigramCounts
    from bigram.tables.base import Table
    from bigram.tokenizers.protocol import Tokenizer

__all__ = ["MAX_SYMBOLS", "heat_map", "model_map"]

MAX_SYMBOLS = 100
_MAX_ROWS = 4096  # without counts, all rows of a table are computed to find frequent symbols
_CELL_INCHES, _LARGEST_INCHES = 0.58, 36.0
_LETTER = 0.62  # width of a letter as a share of its size
_NAMES = {" ": "␣", "\n": "↵", "\t": "⇥"}


def heat_map(
    values: NDArray[Any],
    symbols: Sequence[str],
    *,
    ax: Axes | None = None,
    title: str | None = None,
    separator: str = "",
) -> Axes:
    """Draw a V x V table as an annotated heat map.

    Parameters
    ----------
    values : ndarray, shape (V, V), integer or float
        Counts (drawn as whole numbers) or probabilities (drawn as per cent).
    symbols : sequence of str, length V
        The symbol of every id.
    ax : matplotlib Axes, optional
        Where to draw; a new figure, large enough to read, if None.
    title : str, optional
        Title above the picture.
    separator : str
        Written between the two symbols of a pair.

    Returns
    -------
    matplotlib.axes.Axes
        `.figure.savefig("bigrams.png")` writes it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    values = np.asarray(values)
    title = title or "Which symbol follows which"
    names = [_visible(symbol) for symbol in symbols]
    ax = ax if ax is not None else _new_axes(names)
    _draw_cells(ax, values)
    _annotate(ax, values, names, separator)
    _label_axes(ax, names, title)
    return ax


def model_map(
    table: Table,
    counts: BigramCounts | None,
    tokenizer: Tokenizer | None,
    *,
    ax: Axes | None,
    title: str | None,
    max_symbols: int,
) -> Axes:
    """Draw the counts of a model, or its probabilities if it has none; see `BigramModel.plot`."""
    size = table.vocab_size
    chosen = np.arange(size)
    usual = "Probability that one symbol follows another"
    if counts is not None:
        usual = f"How often one symbol follows another, in {counts.total:,} pairs"
    title = title or usual
    if size > check_index(max_symbols, "max_symbols", 1):
        chosen = np.sort(np.argsort(-_frequency(table, counts), kind="stable")[:max_symbols])
        title += f" (the {max_symbols} most frequent of {size:,} symbols)"
    if counts is None:
        values = probability_rows(table, chosen)[:, chosen]
    else:
        values = np.stack([counts.row(i)[chosen] for i in chosen.tolist()])
    symbols = [str(i) if tokenizer is None else tokenizer.vocab[i] for i in chosen.tolist()]
    return heat_map(values, symbols, ax=ax, title=title, separator=pair_separator(tokenizer))


def _frequency(table: Table, counts: BigramCounts | None) -> NDArray[Any]:
    """Return how frequent each symbol is, by counts or by sums of probability, shape (V,)."""
    if counts is not None:
        return counts.unigram_counts() + counts.context_counts()
    if table.vocab_size > _MAX_ROWS:
        raise ValueError(
            f"vocab_size = {table.vocab_size:,}, wanted at most {_MAX_ROWS:,} to plot a model "
            "without counts, by which frequent symbols are chosen"
        )
    sums: NDArray[np.float64] = probability_rows(table, np.arange(table.vocab_size)).sum(axis=0)
    return sums


def _new_axes(names: Sequence[str]) -> Axes:
    """Return new axes with cells of a readable size."""
    side = min(max(_CELL_INCHES * len(names), 3.5), _LARGEST_INCHES)
    letters = max(map(len, names), default=1)
    left = 0.6 + _LETTER * letters * _label_points(72 * side / max(len(names), 1)) / 72
    top, rest = 1.1, 0.15
    width, height = left + side + rest, top + side + rest
    # Margins in inches rather than a layout engine, which would draw thousands of texts twice.
    box = (left / width, rest / height, side / width, side / height)
    return new_figure(width, height).add_axes(box)


def _draw_cells(ax: Axes, values: NDArray[Any]) -> None:
    """Colour the cells; a square root brings out rare pairs beside frequent ones."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    colours = LinearSegmentedColormap.from_list("bigram", BLUES)
    norm = PowerNorm(0.5, vmin=0, vmax=max(float(np.max(values, initial=0)), 1e-12))
    ax.imshow(values, cmap=colours, norm=norm, interpolation="nearest")


def _annotate(ax: Axes, values: NDArray[Any], names: Sequence[str], separator: str) -> None:
    """Write pair and value into every cell, in sizes that fit the cell."""
    cell = _cell_points(ax, len(names))
    top = max(float(np.max(values, initial=0)), 1e-12)
    usual = 2 * sum(map(len, names)) / max(len(names), 1) + len(separator)
    largest = _fit(0.36 * cell, usual, cell)  # one size for most pairs, smaller for long ones
    for i, context in enumerate(names):
        for j, token in enumerate(names):
            value = values[i, j]
            share = (float(value) / top) ** 0.5
            ink = FAINT if value == 0 else (PAPER if share > 0.62 else INK)
            style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
            style["parse_math"] = False
            pair, figure = f"{context}{separator}{token}", _figure(value)
            ax.text(j, i - 0.2, pair, fontsize=_fit(largest, len(pair), cell), **style)
            ax.text(j, i + 0.22, figure, fontsize=_fit(0.27 * cell, len(figure), cell), **style)


def _label_axes(ax: Axes, names: Sequence[str], title: str) -> None:
    """Write the symbols along the top and the left side; draw thin lines between the cells."""
    size = _label_points(_cell_points(ax, len(names)))
    ticks = range(len(names))
    ax.set_xticks(ticks, names, fontsize=size, color=INK)
    ax.set_yticks(ticks, names, fontsize=size, color=INK)
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_parse_math(False)  # "$" is a symbol like any other
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.set_xlabel("next symbol", color=SOFT, fontsize=11, labelpad=8)
    ax.xaxis.set_label_position("top")
    ax.set_ylabel("context", color=SOFT, fontsize=11, labelpad=8)
    room = _cell_points(ax, 1) / (_LETTER * len(title))
    ax.set_title(title, color=INK, fontsize=min(18.0, room), pad=14)
    edges = np.arange(len(names) + 1) - 0.5
    ax.set_xticks(edges, minor=True)
    ax.set_yticks(edges, minor=True)
    ax.grid(which="minor", color="#dde6ef", linewidth=0.6)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)


def _cell_points(ax: Axes, size: int) -> float:
    """Return the width of a cell in points (1/72 inch)."""
    box = ax.get_window_extent()
    return 72.0 * float(min(box.width, box.height) / ax.figure.dpi) / max(size, 1)


def _label_points(cell: float) -> float:
    """Return the size of the letters along the axes."""
    return min(0.36 * cell, 15.0)


def _fit(wanted: float, letters: float, cell: float) -> float:
    """Return the largest size of letters, up to `wanted`, at which a text fits into its cell."""
    return min(wanted, 0.92 * cell / (_LETTER * max(letters, 1)))


def _figure(value: Any) -> str:
    """Return a count as text, a probability in per cent."""
    if isinstance(value, np.integer):
        return str(value)
    if value == 0:
        return "0"
    return f"{100 * value:.0f}%" if value >= 0.0995 else f"{100 * value:.2g}%"


def _visible(symbol: str) -> str:
    """Return a symbol, or a visible sign in its place."""
    shown = _NAMES.get(symbol)
    if shown is None:
        shown = symbol if symbol.isprintable() else symbol.encode("unicode_escape").decode()
    return shown
