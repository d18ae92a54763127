"""Texts out of JSON lines, Parquet files and dicts."""

import gzip
import json

import numpy as np
import pytest

import bigram
from bigram.corpus.corpus import Corpus

TEXTS = ["emma", "", "日本\n\ud83d\ude00", "a" * 3000]


def test_json_lines_give_the_texts_under_a_key(tmp_path) -> None:
    texts = ["emma", "", "日本\n👍", "a" * 3000]
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"id": i, "text": text}) for i, text in enumerate(texts)]
    path.write_text("\n".join(rows) + "\n\n  \n", encoding="utf-8")
    assert list(Corpus.jsonl(path)) == texts
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    corpus = Corpus.jsonl(str(tmp_path / "*.jsonl*"))
    assert list(corpus) == list(corpus) == texts * 2
    assert bigram.count(corpus) == bigram.count(texts * 2)
    path.write_text('{"body": "x"}\n')
    assert list(Corpus.jsonl(path, text_key="body")) == ["x"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "is list, wanted a mapping with 'text'"),
        ('{"body": "x", "n": 1}', "has no 'text'; it has body, n"),
        ('{"text": null}', "'text' is NoneType, wanted str"),
    ],
)
def test_bad_json_lines_are_named(tmp_path, line: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n\n' + line + "\n")
    with pytest.raises(ValueError, match=rf"a\.jsonl: line 3:? {message}"):
        bigram.count(Corpus.jsonl(path))


def test_parquet_files_give_the_texts_of_a_column(tmp_path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    texts = ["emma", "", "日本\n👍"] * 3000
    path = tmp_path / "a.parquet"
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        column = pa.array(texts, pa.string()).cast(kind)
        table = pa.table({"text": column, "id": np.arange(len(texts))})
        parquet.write_table(table, path, row_group_size=1000)
        corpus = Corpus.parquet([path, path])
        assert list(corpus) == texts * 2
        assert bigram.count(corpus) == bigram.count(texts * 2)
    with pytest.raises(ValueError, match=r"a\.parquet: no column 'body'; it has text, id"):
        list(Corpus.parquet(path, column="body"))
    with pytest.raises(ValueError, match=r"a\.parquet: row 0 is int, wanted str"):
        list(Corpus.parquet(path, column="id"))
    parquet.write_table(pa.table({"text": ["a"] * 5000 + [None]}), path)
    with pytest.raises(ValueError, match=r"a\.parquet: row 5000 is NoneType"):
        list(Corpus.parquet(path))
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(ValueError, match=r"a\.parquet: not a Parquet file, or damaged"):
        list(Corpus.parquet(path))
    with pytest.raises(FileNotFoundError):
        list(Corpus.parquet(tmp_path / "none.parquet"))


def test_records_give_the_texts_under_a_key() -> None:
    records = [{"text": text} for text in TEXTS]
    assert list(Corpus.records(records)) == TEXTS
    assert list(Corpus.records(iter(records))) == TEXTS
    assert bigram.count(Corpus.records(records)) == bigram.count(TEXTS)
    with pytest.raises(ValueError, match=r"records\[1\] has no 'body'; it has text"):
        list(Corpus.records([{"body": "a"}, {"text": "b"}], text_key="body"))
    with pytest.raises(ValueError, match=r"records\[0\] is str, wanted a mapping"):
        list(Corpus.records(["a"]))
    with pytest.raises(TypeError, match=r"Corpus\.records takes dicts"):
        bigram.count(records)


class DataSet:
    """What a Hugging Face data set looks like from here."""

    features = ("text",)

    def iter(self, batch_size: int):
        for start in range(0, len(TEXTS), 2):
            yield {"text": TEXTS[start : start + 2]}

    def __iter__(self):
        raise AssertionError("slow row by row")


def test_data_sets_are_read_in_batches() -> None:
    assert list(Corpus.records(DataSet())) == TEXTS
    with pytest.raises(ValueError, match="no column 'body'; it has text"):
        list(Corpus.records(DataSet(), text_key="body"))


def test_errors_do_not_quote_records_of_any_size(tmp_path) -> None:
    path = tmp_path / "a.jsonl"
    wide = ", ".join(f'"{i}": 1' for i in range(10_000))
    for record in ("{" + wide + "}", '{"' + "k" * 1_000_000 + '": 1}'):
        path.write_text(record + "\n")
        with pytest.raises(ValueError, match=r"line 1 has no 'text'; it has .*\.\.\.$") as caught:
            list(Corpus.jsonl(path))
        assert len(str(caught.value)) < 1000
