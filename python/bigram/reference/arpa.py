"""Twins of the kernels for lines of ARPA files, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["format_ngrams", "format_number", "parse_ngram"]


def format_number(value: float) -> str:
    """Write nine decimals, or enough for eight significant digits, without trailing zeros."""
    decimals = 9
    while decimals < 22 and abs(value) * 10.0**decimals < 1e8:
        decimals += 1
    digits = int(abs(value) * 10.0**decimals + 0.5)
    text = f"{digits:0{decimals + 1}d}"
    text = f"{text[:-decimals]}.{text[-decimals:]}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 and digits > 0 else text


def format_ngrams(
    log10: Sequence[float],
    contexts: Sequence[str] | None,
    nexts: Sequence[str],
    backoffs: Sequence[float] | None,
) -> str:
    """Write a line for each n-gram; contexts and nexts are symbols here, not ids."""
    lines = []
    for k, (value, word) in enumerate(zip(log10, nexts, strict=True)):
        words = word if contexts is None else f"{contexts[k]} {word}"
        weight = "" if backoffs is None else f"\t{format_number(backoffs[k])}"
        lines.append(f"{format_number(value)}\t{words}{weight}\n")
    return "".join(lines)


def parse_ngram(line: str, order: int) -> tuple[float, list[str], float]:
    """Return the number, the words and the backoff of a line; no backoff is 0."""
    fields = line.split()
    backoff = float(fields[order + 1]) if len(fields) > order + 1 else 0.0
    return float(fields[0]), fields[1 : order + 1], backoff
