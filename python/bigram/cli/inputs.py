"""What the commands read: corpora, counts, models and the lines of standard input."""

from __future__ import annotations

import codecs
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from io import BufferedReader
from typing import cast

from bigram.arpa.conventions import NAMES as ARPA_NAMES
from bigram.corpus.corpus import Corpus
from bigram.corpus.formats import HEAD_BYTES, wrong_text
from bigram.counts.arrow import parquet_holds_counts
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.columns import COLUMNS
from bigram.inference.model import BigramModel
from bigram.models.count_model import CountModel
from bigram.models.loading import load

_READ_BYTES = 1 << 16
_TSV_HEAD = 64

COUNT_FORMS = (".npz", ".tsv", ".parquet")  # formats of counts beside .safetensors


def open_corpus(
    paths: Sequence[str], *, text: bool, errors: str = "strict", text_key: str = "text"
) -> Corpus:
    """Return the corpus of these files: text, or records where the names end in .jsonl, .parquet.

    Raises
    ------
    ValueError
        If some of the files are records and others are not, or `text` is set for records.
    """
    kinds = {_kind(path) for path in paths}
    if kinds == {"text"}:
        make = Corpus.text if text else Corpus.lines
        return make(list(paths), errors=errors)
    if len(kinds) > 1:
        raise ValueError("files = text, .jsonl and .parquet mixed, wanted files of one kind")
    if text:
        raise ValueError(f"--text is for files of text: each text of {paths[0]} is a sequence")
    if kinds == {"jsonl"}:
        return Corpus.jsonl(list(paths), text_key=text_key, errors=errors)
    return Corpus.parquet(list(paths), column=text_key)


def _kind(path: str) -> str:
    name = path.lower().removesuffix(".gz").removesuffix(".zst")
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    return "parquet" if name.endswith(".parquet") else "text"


def open_counts(paths: Sequence[str]) -> BigramCounts | None:
    """Return the counts that `bigram count` wrote, or None if these paths are texts."""
    if not any(map(_holds_counts, paths)):
        return None
    if len(paths) > 1:
        raise ValueError("one file of counts at a time: `bigram merge` adds several")
    path = paths[0]
    return read_counts(path) if path.endswith(COUNT_FORMS) else BigramCounts.load(path)


def _holds_counts(path: str) -> bool:
    """Tell whether a file holds counts: by its name, or where texts have such names, by content."""
    if path.endswith((".safetensors", ".npz")):
        return True
    if path.endswith(".parquet") and os.path.isfile(path):
        return parquet_holds_counts(path)
    if path.endswith(".tsv") and os.path.isfile(path):
        with open(path, "rb") as file:
            head = file.read(_TSV_HEAD).removeprefix(codecs.BOM_UTF8)
        return head.startswith((b"# bigram counts ", "\t".join(COLUMNS).encode()))
    return False


def read_counts(path: str) -> BigramCounts:
    """Read counts in the one of COUNT_FORMS that the file's name ends in."""
    read = getattr(BigramCounts, "from_" + path.rpartition(".")[2])
    found: BigramCounts = read(path)
    return found


def load_model(path: str, *, for_texts: bool = False) -> BigramModel:
    """Read a model that `save` wrote, or an ARPA file, which may be wanted to split texts."""
    if path.endswith(ARPA_NAMES):
        found = CountModel.from_arpa(path)
        if for_texts:
            _warn_of_characters(path, found)
        return found
    model: object = load(path)
    if not isinstance(model, BigramModel):
        raise ValueError(f"{path}: holds {type(model).__name__}, wanted a model: see `bigram fit`")
    return model


def _warn_of_characters(path: str, model: BigramModel) -> None:
    """Warn that texts are split at spaces: an ARPA file does not say that it is of characters."""
    tokenizer = model.tokenizer
    if tokenizer is None:
        return
    special = {tokenizer.boundary_id, tokenizer.unknown_id}
    symbols = [symbol for index, symbol in enumerate(tokenizer.vocab) if index not in special]
    symbols = [symbol for symbol in symbols if not symbol.startswith("<")]
    if len(symbols) > 1 and all(len(symbol) == 1 for symbol in symbols):
        warnings.warn(
            f"{path}: all its words are single characters, and texts are split into words at "
            "spaces: write `e m m a` for `emma`, or convert the model it was made of",
            stacklevel=2,
        )


def input_lines() -> Iterator[list[str]]:
    """Yield the lines of standard input as they arrive, without waiting for more.

    A line ends at a newline; a carriage return before it and a leading byte-order mark are dropped.
    Lines before one that is invalid UTF-8 are yielded before the error is raised.
    """
    if sys.stdin is None:
        raise OSError("standard input is closed")
    stream = cast(BufferedReader, sys.stdin.buffer)
    parts: list[bytes] = []  # of an unfinished line; joined once, however long it is
    number = 0
    while chunk := stream.read1(_READ_BYTES):
        head, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            parts.append(chunk)
            continue
        lines = b"".join([*parts, head]).split(b"\n")
        parts = [rest]
        yield from _decoded(lines, number)
        number += len(lines)
    if last := b"".join(parts):
        yield from _decoded([last], number)


def _decoded(lines: list[bytes], number: int) -> Iterator[list[str]]:
    """Decode lines, of which `number` came before; yield those before a bad one, then raise."""
    texts: list[str] = []
    for index, line in enumerate(lines, number):
        if index == 0 and (problem := wrong_text(line[:HEAD_BYTES])) is not None:
            raise ValueError(f"-: {problem}")
        codec = "utf-8-sig" if index == 0 else "utf-8"
        try:
            texts.append(line.removesuffix(b"\r").decode(codec))
        except UnicodeDecodeError as error:
            if texts:
                yield texts
            raise ValueError(f"-: line {index + 1}, byte {error.start}: invalid UTF-8") from None
    yield texts
