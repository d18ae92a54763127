"""What the tests of the command line share: a small corpus, its model, and running a command."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bigram
from bigram.cli.app import main

NAMES = ["emma", "olivia", "ava", "isabella", "sophia"]


class Result:
    """What a command returned and wrote."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        assert self.code == 0, self.err
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"JSON has {name}"))


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    before = bigram.get_num_threads()

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    yield call
    bigram.set_num_threads(before)


@pytest.fixture
def corpus(tmp_path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("\n".join(NAMES) + "\n")
    return path


@pytest.fixture
def model(run, corpus, tmp_path) -> Path:
    path = tmp_path / "m.safetensors"
    assert run("fit", corpus, "-o", path).code == 0
    return path


@pytest.fixture
def process():
    """Start the command in a process of its own."""

    def start(*arguments: object, **options) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "bigram", *map(str, arguments)]
        return subprocess.Popen(command, env=environment, **options)

    return start
