"""The commands around counts: count, merge, convert."""

from __future__ import annotations

import gzip
import json
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import BigramCounts
from bigram.cli.app import main

FORMS = ["safetensors", "npz", "tsv", "parquet"]


@pytest.fixture
def names(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "names.txt"
    path.write_text("\n".join(bigram.datasets.load_names()[:500]) + "\n")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Any:
    assert main([str(argument) for argument in arguments]) == code
    out, err = capsys.readouterr()
    if code:
        assert out == ""
        assert err.count("\n") == 1
        return err
    return json.loads(out) if "--json" in arguments else out


def expected(names: pathlib.Path) -> BigramCounts:
    return bigram.count(bigram.Corpus.lines(names))


@pytest.mark.parametrize("form", FORMS)
def test_count_writes_every_form(
    capsys: pytest.CaptureFixture[str], names: pathlib.Path, form: str
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    out = names.with_name(f"counts.{form}")
    found = run(capsys, "count", names, "-o", out, "--json")
    counts = expected(names)
    assert found == {
        "counts": str(out),
        "pairs": counts.total,
        "distinct": counts.num_pairs,
        "symbols": 27,
    }
    read = BigramCounts.load if form == "safetensors" else getattr(BigramCounts, f"from_{form}")
    assert read(out) == counts
    assert "of them distinct" in run(capsys, "count", names, "-o", out)


def test_counts_are_the_same_with_any_layout_memory_limit_and_checkpoint(
    capsys: pytest.CaptureFixture[str], names: pathlib.Path
) -> None:
    out, state = names.with_name("counts.safetensors"), names.with_name("state")
    counts = expected(names)
    for options in (
        ["--layout", "sparse"],
        ["--resume", state],
        ["--layout", "sparse", "--memory-limit", "1k", "--resume", state],
        ["--layout", "sparse", "--memory-limit", "1.5 GiB"],
    ):
        run(capsys, "count", names, "-o", out, *options)
        assert BigramCounts.load(out) == counts
    run(capsys, "count", names, "-o", out, "--tokenizer", "byte")
    assert BigramCounts.load(out).vocab_size == 256
    assert sorted(p.name for p in names.parent.iterdir()) == ["counts.safetensors", "names.txt"]


def test_count_reads_token_shards(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    tokens = np.array([1, 2, 3, 0, 1, 2], np.uint16)
    tokens.tofile(tmp_path / "a.bin")
    out = tmp_path / "counts.safetensors"
    shards = ["count", tmp_path / "a.bin", "-o", out, "--shards"]
    run(capsys, *shards, "--vocab-size", 50_000)
    assert BigramCounts.load(out).top(1) == [(1, 2, 2)]
    assert "--vocab-size" in run(capsys, *shards, code=2)
    assert "outside [0, 3)" in run(capsys, *shards, "--vocab-size", 3, code=2)


def test_merge_takes_every_form(capsys: pytest.CaptureFixture[str], names: pathlib.Path) -> None:
    pytest.importorskip("pyarrow")
    counts = expected(names)
    paths = [names.with_name(f"counts.{form}") for form in FORMS]
    counts.save(paths[0])
    for path in paths[1:]:
        run(capsys, "convert", paths[0], path)
    for form in FORMS:
        out = names.with_name(f"sum.{form}")
        found = run(capsys, "merge", *paths, "-o", out, "--json")
        assert found["pairs"] == 4 * counts.total
        run(capsys, "convert", out, names.with_name("back.safetensors"))
        total = BigramCounts.load(names.with_name("back.safetensors"))
        assert np.array_equal(total.to_dense(), 4 * counts.to_dense())
        assert total.tokenizer == counts.tokenizer
        about = run(capsys, "info", out, "--json")
        assert (about["kind"], about["symbols"], about["tokenizer"]) == ("counts", 27, "char")
        assert about["total"] == 4 * counts.total
        assert about["bytes"] == out.stat().st_size


def test_convert_turns_models_into_counts(
    capsys: pytest.CaptureFixture[str], names: pathlib.Path
) -> None:
    model = bigram.CountModel(bigram.AddK(0.5)).fit(bigram.Corpus.lines(names))
    path, copy = names.with_name("model.safetensors"), names.with_name("copy.safetensors")
    model.save(path)
    run(capsys, "convert", path, names.with_name("counts.tsv"))
    assert BigramCounts.from_tsv(names.with_name("counts.tsv")) == model.counts
    run(capsys, "convert", path, copy)
    assert bigram.load(copy).counts == model.counts
    about = run(capsys, "info", path, "--json")
    assert (about["kind"], about["smoothing"]["name"]) == ("count_model", "AddK")


def test_convert_writes_arpa_and_reads_it_back(
    capsys: pytest.CaptureFixture[str], names: pathlib.Path
) -> None:
    counts, arpa = names.with_name("counts.safetensors"), names.with_name("model.arpa.gz")
    run(capsys, "count", names, "-o", counts)
    run(capsys, "convert", counts, arpa, "--smoothing", "witten-bell")
    about = run(capsys, "info", arpa, "--json")
    assert (about["kind"], about["order"]) == ("arpa", 2)
    assert about["ngrams"]["2"] == expected(names).num_pairs
    model = names.with_name("model.safetensors")
    run(capsys, "convert", arpa, model)
    wanted = bigram.CountModel.from_counts(expected(names), bigram.WittenBell())
    assert bigram.load(model).score("a n n a") == pytest.approx(wanted.score("anna"), abs=1e-4)
    out = names.with_name("counts.tsv")
    assert "holds probabilities, wanted counts" in run(capsys, "convert", model, out, code=2)


def test_bad_input_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], names: pathlib.Path
) -> None:
    out = names.with_name("out.safetensors")
    missing = names.with_name("missing.safetensors")
    foreign = names.with_name("foreign.safetensors")
    foreign.write_bytes(pickle.dumps([1, 2]))
    damaged = names.with_name("damaged.arpa.gz")
    damaged.write_bytes(gzip.compress(b"\\data\\\nngram 1=4\n" * 50)[:-12])
    for arguments, message in (
        (["merge", missing, "-o", out], "missing.safetensors: No such file"),
        (["merge", names, "-o", out], "names.txt: not a bigram file"),
        (["merge", foreign, "-o", out], "foreign.safetensors: not a bigram file"),
        (["convert", foreign, out], "foreign.safetensors: not a bigram file"),
        (["convert", names, names.with_name("x.foo")], "names.txt: not a bigram file"),
        (["count", names, "-o", out, "--memory-limit", "lots"], "memory limit = 'lots', wanted"),
        (["count", names, "-o", out, "--layout", "csr"], "layout = 'csr'"),
        (["count", names], "--output"),
        (["info", missing], "missing.safetensors: No such file"),
        (["info", foreign], "foreign.safetensors: not a bigram file"),
        (["info", names], "names.txt: not a bigram file"),
        (["info", damaged], "damaged or truncated compressed file"),
        (["info", names.parent], "directory"),
    ):
        assert message in run(capsys, *arguments, code=2)
    counts = names.with_name("counts.safetensors")
    expected(names).save(counts)
    assert "wanted a name that ends in" in run(
        capsys, "convert", counts, names.with_name("x"), code=2
    )
    assert not out.exists()
