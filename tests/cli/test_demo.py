"""`bigram demo`."""

import sys

import pytest

import bigram


def test_demo_reports_samples_and_draws(run, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    found = run("demo", "--json").json
    names = set(bigram.datasets.load_names())
    assert found["names"] == len(names)
    assert len(set(found["samples"])) == 20
    assert not set(found["samples"]) & names
    assert (tmp_path / found["picture"]).read_bytes().startswith(b"\x89PNG")
    assert isinstance(bigram.load(tmp_path / found["model"]), bigram.CountModel)
    text = run("demo").out
    for line in ("most likely starts", "perplexity", "20 names that are not in the list"):
        assert line in text
    assert all(name in text for name in found["samples"])
    # What it says to type next can be typed.
    commands = [line.split() for line in text.splitlines() if line.startswith("  bigram ")]
    for command in commands[:2]:
        assert run(*command[1:]).code == 0
    assert run("demo", "--json", "--seed", 7).json["samples"] != found["samples"]


def test_demo_works_without_matplotlib(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    text = run("demo").out
    assert 'not drawn: plotting needs matplotlib: pip install "bigram[plot]"' in text
    assert "What to type next" in text
    assert not (tmp_path / "bigram-demo.png").exists()
