"""Commands write neither over what they read nor over files of other programs."""

import os
from pathlib import Path

import numpy as np
import pytest

import bigram

NAMES = "emma\nolivia\nava\n"


@pytest.fixture
def words(run, tmp_path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(NAMES)
    return path


@pytest.mark.parametrize("command", ["fit", "count", "train"])
@pytest.mark.parametrize("name", ["words.txt", "./words.txt", "link", "hard", "WORDS.TXT"])
def test_a_corpus_is_never_the_output(run, words, command, name) -> None:
    os.symlink(words, words.with_name("link"))
    os.link(words, words.with_name("hard"))
    for corpus in ("words.txt", "w*.txt"):
        result = run(command, corpus, "-o", name, "--force")
        assert result.code == 2
        assert "output = " in result.err
    assert words.read_text() == NAMES


def test_other_files_that_are_written_are_not_inputs_either(run, words, model) -> None:
    before = model.read_bytes()
    for arguments in (
        ["train", "words.txt", "-o", "m", "--plot", "words.txt"],
        ["train", "words.txt", "-o", "m", "--checkpoint", "words.txt", "--checkpoint-every", 1],
        ["count", "words.txt", "-o", "c.tsv", "--resume", "words.txt"],
        ["merge", "m.safetensors", "-o", "m.safetensors"],
        ["convert", "m.safetensors", "m.safetensors", "--force"],
        ["plot", "m.safetensors", "-o", "m.safetensors", "--force"],
    ):
        result = run(*arguments)
        assert result.code == 2
        assert "is also an input, which would be overwritten" in result.err
    assert (words.read_text(), model.read_bytes()) == (NAMES, before)


def test_standard_input_from_a_file_is_an_input(words, process) -> None:
    for arguments in (["fit", "-", "-o", "copy"], ["count", "-", "-o", "copy"]):
        os.link(words, words.with_name("copy"))
        with words.open("rb") as stdin, process(*arguments, "--force", stdin=stdin) as running:
            assert running.wait(60) == 2
        words.with_name("copy").unlink()
    assert words.read_text() == NAMES


@pytest.mark.parametrize(
    "name", ["c.safetensors", "c.npz", "c.tsv", "c.parquet", "c.arpa", "c.png"]
)
def test_a_foreign_file_needs_force_and_ours_does_not(run, words, model, name) -> None:
    needed = {"c.png": "matplotlib", "c.parquet": "pyarrow"}.get(name)
    if needed is not None:
        pytest.importorskip(needed)
    target = words.with_name(name)
    command = "plot" if name.endswith(".png") else "convert"
    arguments = [command, model, *(["-o"] if command == "plot" else []), name]
    for content in (
        b"precious\n",
        b"PK\x03\x04 a zip" * 9,
        b"PAR1 data PAR1",
        b"\x89PNG\r\n\x1a\n.",
    ):
        target.write_bytes(content)
        refused = run(*arguments)
        assert refused.code == 2
        assert "exists and is not a file of bigram; --force overwrites it" in refused.err
        assert target.read_bytes() == content
    for more in (["--force"], [], []):
        assert run(*arguments, *more).code == 0
    target.write_bytes(b"")  # as mktemp leaves it
    assert run(*arguments).code == 0
    target.unlink()
    os.symlink(os.devnull, target)
    assert run(*arguments).code == 0


def test_a_name_of_another_format_is_refused(run, words) -> None:
    for arguments in (
        ["count", "words.txt", "-o", "c.csv"],
        ["count", "words.txt", "-o", "c.arpa"],
        ["fit", "words.txt", "-o", "m.arpa"],
        ["fit", "words.txt", "-o", "m.tsv"],
        ["train", "words.txt", "-o", "m.json"],
    ):
        result = run(*arguments)
        assert result.code == 2
        assert f"output = {arguments[-1]}, wanted a name that ends in .safetensors" in result.err
        assert not words.with_name(arguments[-1]).exists()


@pytest.mark.parametrize("command", ["fit", "count", "train", "merge", "plot", "convert"])
def test_an_empty_name_is_an_error(run, words, model, command) -> None:
    source = model if command in ("plot", "convert") else words
    result = run(command, source, *([] if command == "convert" else ["-o"]), "")
    assert result.code == 2
    assert "output = '', wanted the name of a file" in result.err


@pytest.mark.parametrize("form", ["npz", "tsv", "parquet"])
def test_counts_of_every_form_serve_as_a_corpus(run, words, form) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    assert run("count", words, "-o", f"c.{form}").code == 0
    assert run("fit", words, "-o", "m.safetensors").code == 0
    assert run("fit", f"c.{form}", "-o", "n.safetensors").code == 0
    assert bigram.load("n.safetensors").counts == bigram.load("m.safetensors").counts
    found = run("evaluate", "m.safetensors", f"c.{form}", "--json").json
    assert found["nll"] == pytest.approx(
        run("evaluate", "m.safetensors", words, "--json").json["nll"]
    )
    words.with_name("text.tsv").write_text("a\tb\nb\ta\n")  # a text with tabs, not counts
    assert run("fit", "text.tsv", "-o", "t.safetensors").code == 0
    assert "\t" in bigram.load("t.safetensors").tokenizer.vocab


def test_records_are_read_by_the_name_of_the_file(run, words, tmp_path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    (tmp_path / "a.jsonl").write_text('{"text": "emma", "x": "ab"}\n{"text": "ava", "x": "c"}\n')
    parquet.write_table(pa.table({"text": ["emma", "ava"], "x": ["ab", "c"]}), "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        for key, texts in (("text", ["emma", "ava"]), ("x", ["ab", "c"])):
            assert run("fit", name, "-o", "m.safetensors", "--text-key", key).code == 0
            assert bigram.load("m.safetensors").counts == bigram.count(texts)
        assert run("count", name, "-o", "c.safetensors").code == 0
        assert run("evaluate", "m.safetensors", name, "--text-key", "x").code == 0
        assert run("train", name, "-o", "n.safetensors", "--steps", 1).code == 0
    assert "mixed, wanted files of one kind" in run("fit", "a.jsonl", words, "-o", "m").err
    assert "--text is for files of text" in run("fit", "a.jsonl", "--text", "-o", "m").err


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("kneser-ney:0.5,0.3", "wanted OPTION=VALUE after the first value; options: discount"),
        ("add-k:k=1,k=2", "wanted k once"),
        ("add-k:1,k=2", "wanted k once"),
    ],
)
def test_no_value_of_a_smoothing_is_lost(run, words, spec, message) -> None:
    result = run("fit", words, "-o", "m", "--smoothing", spec)
    assert result.code == 2
    assert message in result.err


def test_pictures_are_whole_or_not_there(run, words, monkeypatch) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    assert run("fit", words, "-o", "m.safetensors").code == 0
    assert run("plot", "m.safetensors", "-o", "map").out == "map.png\n"
    before = words.with_name("map.png").read_bytes()

    def half(figure, file, **options):
        if isinstance(file, str):
            Path(file).write_bytes(b"\x89PNG half")
        else:
            file.write(b"\x89PNG half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", half)
    for arguments in (["plot", "m.safetensors", "-o", "map.png"], ["demo"]):
        assert run(*arguments).code == 130
    assert words.with_name("map.png").read_bytes() == before
    assert {p.suffix for p in words.parent.iterdir()} == {".txt", ".safetensors", ".png"}
    assert not words.with_name("bigram-demo.png").exists()
    assert np.frombuffer(before[:4], "S4")[0] == b"\x89PNG"
