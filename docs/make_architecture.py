"""Write the list of modules in architecture.md: each with the first line of its docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "python" / "bigram"
START, END = "<!-- modules: start -->", "<!-- modules: end -->"


def layers() -> list[list[str]]:
    """Return the layers of the import-linter contract, from the top down."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r'type = "layers"\n.*?\nlayers = \[\n(.*?)\n\]', text, re.DOTALL)
    assert listed is not None
    return [line.split(" | ") for line in re.findall(r'"(.*?)"', listed[1])]


def caption(path: Path) -> str:
    """Return the first line of a module's docstring."""
    document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert document, f"{path} has no docstring"
    return document.split("\n")[0]


def modules() -> str:
    """Return the packages from the top layer down, each with its modules and their captions."""
    parts = []
    for layer in layers():
        for name in layer:
            folder = PACKAGE / name
            if not folder.is_dir():
                parts.append(f"### `{name}`\n\n{caption(PACKAGE / f'{name}.py')}\n")
                continue
            files = sorted(path for path in folder.glob("*.py") if path.stem != "__init__")
            rows = [f"| `{path.stem}` | {caption(path)} |" for path in files]
            head = f"### `{name}/`\n\n{caption(folder / '__init__.py')}\n"
            parts.append("\n".join([head, "| module | |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def page() -> str:
    """Return the whole page, its list of modules written again."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n\n{modules()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
