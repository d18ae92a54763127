"""Write api.md, the list of public names, from their signatures and docstrings."""

from __future__ import annotations

import inspect
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import bigram

HEAD = """# API reference

Every public name with its signature and the first line of its docstring; `help(name)` has
the rest: parameters with dtypes and shapes, units, errors, examples.
This page is written by `python docs/make_api.py`.
"""


def summary(value: Any) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(value) or "").split("\n")[0]


# Methods by which the package encodes blocks of text: the protocol StreamTokenizer.
INTERNAL = {"encode_lines", "encode_piece", "encode_texts"}


def signature(name: str, value: Any) -> str:
    """Return a name with its parameters, without annotations.

    A class whose docstring describes no parameters is not made by users, but by a function.
    """
    if isinstance(value, type) and "Parameters\n----" not in (inspect.getdoc(value) or ""):
        return name
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return name
    shown = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    plain = found.replace(parameters=shown, return_annotation=found.empty)
    return f"{name}{plain}"


def is_ours(value: Any) -> bool:
    """Return whether something is defined in bigram, and not inherited from Python."""
    return (getattr(value, "__module__", None) or "").split(".")[0] == "bigram"


def members(kind: type) -> list[str]:
    """Return a line for each public method and property of a class."""
    lines = []
    for name, value in inspect.getmembers(kind):
        if name.startswith("_") or name in INTERNAL:
            continue
        if callable(value) and is_ours(value):
            lines.append(f"- `.{signature(name, value)}` {summary(value)}")
        elif isinstance(inspect.getattr_static(kind, name), (property, cached_property)):
            lines.append(f"- `.{name}` {summary(value)}")
    return lines


def section(title: str, names: list[tuple[str, Any]]) -> str:
    """Return the entries of some names under a title."""
    parts = [f"## {title}\n"]
    for name, value in names:
        parts.append(f"### `{signature(name, value)}`\n\n{summary(value)}\n")
        if isinstance(value, type):
            listed = members(value)
            parts += ["\n".join(listed) + "\n"] if listed else []
    return "\n".join(parts)


def page() -> str:
    """Return the whole page."""
    names = [(f"bigram.{name}", getattr(bigram, name)) for name in bigram.__all__]
    classes = [(n, v) for n, v in names if isinstance(v, type)]
    functions = [(n, v) for n, v in names if inspect.isfunction(v)]
    sections = [section("Classes", classes), section("Functions", functions)]
    for name, module in names:
        if isinstance(module, ModuleType):
            inside = [(f"{name}.{n}", getattr(module, n)) for n in module.__all__]
            sections.append(section(f"`{name}`: {summary(module)}", inside))
    return HEAD + "\n" + "\n".join(sections)


if __name__ == "__main__":
    Path(__file__).with_name("api.md").write_text(page(), encoding="utf-8")
