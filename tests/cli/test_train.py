"""`bigram train`: names and running text, what it prints and writes, resuming, bad input."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram.cli.app import main

NAMES = ["emma", "olivia", "ava", "isabella", "sophia"] * 20


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    before = bigram.get_num_threads()

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(["train", *[str(argument) for argument in arguments]])
        return Result(code, *capsys.readouterr())

    yield call
    bigram.set_num_threads(before)


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("\n".join(NAMES) + "\n")
    return path


def test_names_are_trained_in_full_batches(run: Any, names: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run(names, "-o", "m.safetensors", "--steps", 200, "--samples", 2, "--seed", 1)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith("step 0: train loss ")
    assert lines[1].startswith("  '")
    assert sum(line.startswith("step ") for line in lines) == 11
    assert sum(line.startswith("  '") for line in lines) == 20
    assert lines[-2:] == ["m.safetensors", "m.loss.png"]
    assert (tmp_path / "m.loss.png").read_bytes()[:4] == b"\x89PNG"
    model = bigram.load("m.safetensors")
    assert isinstance(model, bigram.NeuralModel)
    assert model.vocab_size == 12
    counted = bigram.CountModel(bigram.MLE()).fit(NAMES)
    assert model.evaluate(NAMES).nll == pytest.approx(counted.evaluate(NAMES).nll, abs=0.1)


def test_json_reports_the_run(run: Any, names: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run(
        *(names, "-o", "m", "--steps", 30, "--batch-size", 8, "--validation", 0.2, "--json"),
        *("--eval-every", 10, "--plot", "curve.svg", "--seed", 1, "--threads", 1),
    )
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["steps"] == 30
    assert found["model"] == "m"
    assert found["picture"] == "curve.svg"
    assert [row["step"] for row in found["evaluations"]] == [0, 10, 20, 30]
    assert found["evaluations"][0]["validation_loss"] > found["floor"]
    again = json.loads(
        run(
            *(names, "-o", "n", "--steps", 30, "--batch-size", 8, "--validation", 0.2, "--json"),
            *("--eval-every", 10, "--seed", 1),
        ).out
    )
    assert again["loss"] == found["loss"]


@pytest.mark.parametrize("options", [[], ["--batch-size", "4"], ["--tokenizer", "byte"]])
def test_standard_input_is_a_corpus(run: Any, options: list[str]) -> None:
    stdin = ("\n".join(NAMES) + "\n").encode()
    result = run("-", "-o", "m", "--steps", 20, "--samples", 0, *options, stdin=stdin)
    assert result.code == 0, result.err
    assert bigram.load("m").tokenizer.encode("emma").size == 4


@pytest.mark.parametrize("from_stdin", [False, True])
def test_running_text_is_one_sequence(run: Any, tmp_path: Path, from_stdin: bool) -> None:
    text = "to be, or not to be.\nthat is the question.\n" * 30
    (tmp_path / "text.txt").write_text(text)
    corpus, stdin = ("-", text.encode()) if from_stdin else ("text.txt", b"")
    options = ["--batch-size", 8, "--steps", 300, "--samples", 1, "--seed", 2]
    result = run(corpus, "--text", "-o", "m", *options, stdin=stdin)
    assert result.code == 0, result.err
    model = bigram.load("m")
    assert model.tokenizer.boundary_id is None
    assert model.tokenizer.vocab == tuple(sorted(set(text)))
    assert model.next_token("q", 1)[0][0] == "u"
    assert result.out.splitlines()[1].startswith("  '")


def test_counts_serve_as_a_corpus(run: Any) -> None:
    bigram.count(NAMES).save("counts.safetensors")
    result = run("counts.safetensors", "-o", "m", "--steps", 20, "--samples", 0)
    assert result.code == 0, result.err
    assert bigram.load("m").tokenizer.vocab[0] == "."


def test_a_resumed_run_is_the_same(run: Any, names: Path, tmp_path: Path) -> None:
    options = [names, "--batch-size", 8, "--seed", 3, "--samples", 0, "--eval-every", 20]
    assert run(*options, "-o", "whole", "--steps", 40).code == 0
    assert run(*options, "-o", "m", "--steps", 25, "--checkpoint-every", 10).code == 0
    assert (tmp_path / "m.checkpoint").exists()
    assert run(*options, "-o", "m", "--steps", 40, "--resume").code == 0
    np.testing.assert_array_equal(bigram.load("m").weight, bigram.load("whole").weight)


def test_every_option_of_fit_goes_through(run: Any, names: Path) -> None:
    result = run(
        *(names, "-o", "m", "--steps", 40, "--optimizer", "sgd", "--momentum", 0.5),
        *("--learning-rate", 1.0, "--weight-decay", 0.001, "--l2", 0.01, "--clip-norm", 1.0),
        *("--schedule", "cosine", "--warmup-steps", 5, "--final-learning-rate", 0.1),
        *("--batch-size", 16, "--block-size", 4, "--shuffle", "--validation", 0.2),
        *("--eval-every", 5, "--eval-batches", 4, "--patience", 3, "--min-delta", 0.001),
        *("--checkpoint", "c", "--checkpoint-every", 10, "--seed", 1, "--samples", 0),
    )
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.txt", "-o", "m"], "no.txt"),
        (["names.txt"], "output"),
        (["names.txt", "-o", "m", "--steps", "0"], "steps"),
        (["names.txt", "-o", "m", "--optimizer", "lion"], "optimizer"),
        (["names.txt", "-o", "m", "--optimizer", "adamw", "--momentum", "0.5"], "momentum"),
        (["names.txt", "-o", "m", "--patience", "3"], "patience"),
        (["names.txt", "-o", "m", "--learning-rate", "1e38", "--l2", "1000"], "1e+38"),
        (["names.txt", "-o", "m", "--learning-rate", "0"], "learning_rate = 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    run: Any, names: Path, arguments: list[str], message: str
) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not Path("m").exists()
