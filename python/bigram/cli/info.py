"""`bigram info`: what a file holds, without reading all of it."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from bigram import smoothing
from bigram.cli.common import Json, emit_json, emit_table, load_model


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(info)


def info(
    path: Annotated[str, typer.Argument(metavar="FILE", help="A model, counts, or an .arpa file.")],
    json: Json = False,
) -> None:
    """Say what a file holds."""
    found = _arpa(path) if path.endswith((".arpa", ".arpa.gz")) else _stored(path)
    found = {"file": path, "bytes": os.path.getsize(path), **found}
    if json:
        emit_json(found)
    else:
        emit_table([(name.replace("_", " "), _shown(value)) for name, value in found.items()])


def _stored(path: str) -> dict[str, Any]:
    """Describe a file of ours by its header."""
    from bigram import storage

    kind, arrays, header = storage.open_arrays(path)
    provenance = header["provenance"]
    found: dict[str, Any] = {"kind": kind}
    tokenizer = header.get("tokenizer")
    if tokenizer is not None:
        found["tokenizer"] = tokenizer["kind"]
        if "vocab" in tokenizer:
            found["symbols"] = len(tokenizer["vocab"])
    for name in ("smoothing", "table", "total", "source"):
        if header.get(name) is not None:
            found[name] = header[name]
    found["arrays"] = {name: f"{a.dtype} {list(a.shape)}" for name, a in arrays.items()}
    found["written_by"] = f"bigram {provenance['package_version']}"
    found["created"] = provenance["created"]
    return found


def _arpa(path: str) -> dict[str, Any]:
    """Describe an ARPA file by reading it."""
    model = load_model(path)
    pairs = sum(len(a) for name, a in model.table.arrays().items() if name == "indices")
    return {"kind": "arpa", "order": 2, "symbols": model.vocab_size, "stored_pairs": pairs}


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(smoothing.from_json(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
