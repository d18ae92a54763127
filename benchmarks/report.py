"""From the JSON of a run to the Markdown table and the charts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from goals import duration, per_second


def write(json_path: Path, table_path: Path, docs: Path) -> None:
    """Write the table, and ``benchmarks.svg`` and ``scaling.svg`` in docs."""
    run = json.loads(json_path.read_text())
    every = [
        {"group": b["group"], **b["extra_info"]}
        for b in run["benchmarks"]
        if "seconds" in b.get("extra_info", {})
    ]
    cases = [case for case in every if "curve" not in case]
    points = [case for case in every if "curve" in case]
    table_path.write_text(table(cases, run) + (point_table(points) if points else ""))
    if cases:
        chart(cases, docs / "benchmarks.svg")
    if points:
        curves(points, docs / "scaling.svg")


def times(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g} x" if value < 100 else f"{value:,.0f} x"


def table(cases: list[dict[str, Any]], run: dict[str, Any]) -> str:
    machine = run["machine_info"]
    cpu = machine.get("cpu", {})
    lines = [
        (
            f"Machine: {cpu.get('brand_raw', '?')}, {cpu.get('count', '?')} processors; "
            f"Python {machine['python_version']}; {run['datetime'][:10]}. "
            "Medians of turns in one process; `ratio` is the best peer's time over ours."
        ),
        "",
        (
            "| work | bigram | 1 thread | rate | best peer | its time | ratio | of the limit "
            "| goal | reached |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        seconds = case["seconds"]
        best = case["best_peer"]
        one = seconds.get("bigram, 1 thread")
        limit = case["limit"]
        cells = [
            case["group"],
            duration(seconds["bigram"]),
            duration(one) if one else "-",
            per_second(case["work"] / case["seconds"]["bigram"], case["unit"]),
            best or "-",
            duration(seconds[best]) if best else "-",
            times(case["ratio"]),
            f"{100 * limit:.0f} %" if limit else "-",
            "; ".join(goal for goal, _ in case["goals"]) or "-",
            "; ".join(reached or "-" for _, reached in case["goals"]) or "-",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def size(count: float | None) -> str:
    if count is None:
        return "-"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def point_table(points: list[dict[str, Any]]) -> str:
    """Return the points of the curves: time, rate, and peak memory beside the input."""
    lines = [
        "",
        "Memory is the peak that a call takes beside its input.",
        "",
        "| work | bigram | rate | memory | peer | its time | its memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in points:
        best = case["best_peer"]
        cells = [
            case["group"],
            duration(case["seconds"]["bigram"]),
            per_second(case["work"] / case["seconds"]["bigram"], case["unit"]),
            size(case["memory"]["bigram"]),
            best or "-",
            duration(case["seconds"][best]) if best else "-",
            size(case["memory"][best]) if best else "-",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def curves(points: list[dict[str, Any]], path: Path) -> None:
    """Draw time and memory against the number of pairs and against the vocabulary."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2, sharex="col")
    for column, axis in enumerate(("pairs", "V")):
        of_axis = [case for case in points if case["curve"]["axis"] == axis]
        for row, (quantity, unit) in enumerate((("seconds", "seconds"), ("memory", "bytes"))):
            axes = panels[row][column]
            for number, name in enumerate(dict.fromkeys(c["curve"]["name"] for c in of_axis)):
                line = [case for case in of_axis if case["curve"]["name"] == name]
                for who, style in (("bigram", "o-"), ("numpy", "x:")):
                    known = [
                        (case["curve"]["x"], case[quantity][who])
                        for case in line
                        if case[quantity].get(who)
                    ]
                    if known:
                        label = name if who == "bigram" else f"{name}, {who}"
                        axes.plot(*zip(*known, strict=True), style, label=label, color=f"C{number}")
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylabel(unit)
            axes.grid(alpha=0.3)
        panels[0][column].legend(fontsize=8)
        panels[1][column].set_xlabel({"pairs": "pairs counted", "V": "vocabulary"}[axis])
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def chart(cases: list[dict[str, Any]], path: Path) -> None:
    """Draw a bar for each case: its speed relative to the best peer, on a logarithmic axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = [case for case in cases if case["ratio"]][::-1]
    figure = Figure(figsize=(10, 0.6 + 0.3 * len(cases)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ratios = [case["ratio"] for case in cases]
    labels = [case["group"] for case in cases]
    bars = axes.barh(range(len(cases)), ratios, color="#3b6ea8", height=0.7)
    for bar, case in zip(bars, cases, strict=True):
        text = f" {times(case['ratio'])}  ({case['best_peer']})"
        if case["limit"]:
            text += f", {100 * case['limit']:.0f} % of the limit"
        axes.text(max(bar.get_width(), 1), bar.get_y() + 0.35, text, va="center", fontsize=8)
    axes.set_yticks(range(len(cases)), labels, fontsize=8)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlim(0.5, max(ratios, default=1) * 30)
    axes.set_xlabel("times faster than the best peer in the same run")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:4]))  # results.json, TABLE.md, docs
