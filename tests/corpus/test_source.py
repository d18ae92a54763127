"""Sources: one protocol, and a progress bar that each moves to its total."""

import gzip
import json

import numpy as np
import pytest

import bigram
from bigram.common import progress
from bigram.corpus.corpus import Corpus
from bigram.corpus.source import is_running_text

TEXTS = ["emma", "", "日本", "a" * 3000, "olivia"] * 400


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a corpus of each kind from the same texts."""

    def make(kind: str) -> Corpus:
        path = tmp_path / f"a.{kind}"
        if kind in ("lines", "text"):
            path.write_text("\n".join([*TEXTS, ""]), encoding="utf-8")
            return getattr(Corpus, kind)([path, path])
        if kind == "jsonl":
            rows = [json.dumps({"text": text}) for text in TEXTS]
            path.write_text("\n\n".join(rows) + "\n\n\n")
            return Corpus.jsonl([path, path])
        if kind == "parquet":
            pa = pytest.importorskip("pyarrow")
            from pyarrow import parquet

            parquet.write_table(pa.table({"text": TEXTS * 3, "id": range(len(TEXTS) * 3)}), path)
            return Corpus.parquet([path, path])
        np.zeros(1000, "<u2").tofile(path)
        return Corpus.shards([path, path], vocab_size=5, eod_id=4)

    return make


KINDS = ["lines", "text", "jsonl", "parquet", "shards"]


@pytest.mark.parametrize("size", [5, 1 << 20])
@pytest.mark.parametrize("kind", KINDS)
def test_the_units_of_files_add_up_to_the_total(make, small_blocks, kind: str, size: int) -> None:
    source = make(kind).source
    small_blocks(size)
    assert source.total() > 0
    # Blank lines at the end of a JSON file stand for no unit.
    missing = source.total() - sum(unit.num_read for unit in source.units())
    assert 0 <= missing <= (4 if kind == "jsonl" else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_moves_the_bar_to_the_total(make, monkeypatch, kind: str) -> None:
    bars = []

    class Bar(progress._Silent):
        def __init__(self, *, total: int, **_) -> None:
            self.total, self.moved = total, 0
            bars.append(self)

        def update(self, n: float = 1) -> None:
            self.moved += n

    monkeypatch.setattr("bigram.corpus.source.progress", lambda _, **options: Bar(**options))
    corpus = make(kind)
    for tokenizer in (None, *([] if kind == "shards" else [bigram.ByteTokenizer()])):
        bigram.count(corpus, tokenizer, progress=True)
        assert bars.pop().moved == corpus.source.total()


def test_only_files_of_text_are_running_text(make) -> None:
    assert [is_running_text(make(kind).source) for kind in KINDS] == [
        kind == "text" for kind in KINDS
    ]


def test_only_what_is_in_memory_or_in_files_can_be_read_again(make, tmp_path) -> None:
    for kind in KINDS:
        assert make(kind).source.can_be_read_again
    assert Corpus.records([{"text": "a"}]).source.can_be_read_again
    for once in (
        Corpus.lines("-"),
        Corpus.jsonl("-"),
        Corpus.records(iter([{"text": "a"}])),
    ):
        assert not once.source.can_be_read_again
        assert once.source.total() is None
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a\n"))
    packed = Corpus.lines(tmp_path / "a.gz").source
    assert (packed.can_be_read_again, packed.total()) == (True, None)
