"""`bigram info`: what a file holds, by this package, KenLM or any other that writes ARPA."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import struct
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import Annotated, Any

import typer

from bigram.arpa.conventions import NAMES
from bigram.arpa.packed import is_packed
from bigram.cli.inputs import COUNT_FORMS, read_counts
from bigram.cli.options import Json, add_command
from bigram.cli.output import emit_json, emit_table
from bigram.common.waiting import announcing_a_wait
from bigram.smoothing.description import from_json as smoothing_from_json
from bigram.storage.container import open_arrays

_PACKED: dict[bytes, Any] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_KENLM_MAGIC = b"mmap lm http://kheafield.com/code format version 5\n\0"
_KENLM_FIXED = 88  # where its fixed parameters begin, after magic and sanity numbers
_KENLM_MODELS = ("probing", "rest probing", "trie", "quantized trie", "array trie")
_ARPA_HEAD_LINES = 1000


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, info)


def info(
    path: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A model, counts, an .arpa file, or KenLM's binary."),
    ],
    json: Json = False,
) -> None:
    """Say what a file holds."""
    found = {"file": path, "bytes": os.path.getsize(path), **_described(path)}
    if json:
        emit_json(found)
    else:
        emit_table([(name.replace("_", " "), _shown(value)) for name, value in found.items()])


def _described(path: str) -> dict[str, Any]:
    if path.endswith(COUNT_FORMS):
        return _counts(path)
    with announcing_a_wait(path):
        file = open(path, "rb")  # noqa: SIM115 - closed below
    with file:
        head = file.read(_KENLM_FIXED)
        if head.startswith(_KENLM_MAGIC):
            return _kenlm(path, file)
        file.seek(0)
        if is_packed(head) or b"\\data\\" in head or path.endswith(NAMES):
            return _arpa(path, file)
    return _stored(path)


def _stored(path: str) -> dict[str, Any]:
    """Describe a file that `save` wrote by its header."""
    kind, arrays, header = open_arrays(path)
    provenance = header["provenance"]
    found: dict[str, Any] = {"kind": kind}
    tokenizer = header.get("tokenizer")
    if tokenizer is not None:
        found["tokenizer"] = tokenizer["kind"]
        if "vocab" in tokenizer:
            found["symbols"] = len(tokenizer["vocab"])
    if "vocab_size" in header:
        found["symbols"] = header["vocab_size"]
    for name in ("smoothing", "table", "total", "source"):
        if header.get(name) is not None:
            found[name] = header[name]
    found["arrays"] = {name: f"{a.dtype} {list(a.shape)}" for name, a in arrays.items()}
    found["written_by"] = f"bigram {provenance['package_version']}"
    found["created"] = provenance["created"]
    return found


def _counts(path: str) -> dict[str, Any]:
    """Describe counts in another format by reading them."""
    counts = read_counts(path)
    form = path.rpartition(".")[2]
    found = {"kind": "counts", "format": form, "symbols": counts.vocab_size}
    if counts.tokenizer is not None:
        found["tokenizer"] = counts.tokenizer.to_json()["kind"]
    return found | {"total": counts.total, "distinct": counts.num_pairs}


def _arpa(path: str, file: BufferedReader) -> dict[str, Any]:
    """Describe an ARPA file, of any order, by its first section."""
    numbers: dict[int, int] = {}
    begun = False
    for line in _first_lines(path, file):
        if line == b"\\data\\":
            begun = True
        match = re.fullmatch(rb"ngram\s+(\d+)\s*=\s*(\d+)", line)
        if begun and match is not None:
            numbers[int(match[1])] = int(match[2])
        elif begun and line.startswith(b"\\1-grams"):
            break
    if not numbers:
        raise ValueError(
            f"{path}: not an ARPA file: it has no \\data\\ section with numbers of n-grams"
        )
    return _ngrams("arpa", numbers)


def _first_lines(path: str, file: BufferedReader) -> Iterator[bytes]:
    head = file.peek(6)
    unpack = next((_PACKED[start] for start in _PACKED if head.startswith(start)), None)
    try:
        with file if unpack is None else unpack(file) as stream:
            for _ in range(_ARPA_HEAD_LINES):
                yield stream.readline(1000).strip()
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        raise OSError(f"{path}: damaged or truncated compressed file ({error})") from error


def _kenlm(path: str, file: BufferedReader) -> dict[str, Any]:
    """Describe a binary file of KenLM by its header; lm/binary_format.hh has the layout."""
    file.seek(_KENLM_FIXED)
    layout = struct.Struct("<B3xfi?3xI")
    try:
        order, _, model, has_words, _ = layout.unpack(file.read(layout.size))
        numbers = struct.unpack(f"<{order}Q", file.read(8 * order))
    except struct.error:
        raise ValueError(f"{path}: a truncated binary file of KenLM") from None
    found = _ngrams("kenlm", dict(enumerate(numbers, 1)))
    name = _KENLM_MODELS[model] if 0 <= model < len(_KENLM_MODELS) else f"model type {model}"
    return found | {"model": name, "vocabulary_included": has_words}


def _ngrams(kind: str, numbers: dict[int, int]) -> dict[str, Any]:
    return {
        "kind": kind,
        "order": max(numbers),
        "symbols": numbers.get(1, 0),
        "ngrams": {str(order): number for order, number in sorted(numbers.items())},
    }


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(smoothing_from_json(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
