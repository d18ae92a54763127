"""What reaches the terminal: escapes, long messages, full disks, closed streams."""

import errno
import io
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

import bigram
from bigram.cli.inputs import input_lines
from bigram.cli.output import describe, emit_json, on_one_line, printable
from bigram.corpus.corpus import iter_word_data

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e\r"


@pytest.fixture
def hostile(run, tmp_path) -> Path:
    """A model whose words, header and name would control a terminal."""
    text = ESCAPE.replace("\r", "")
    tokenizer = bigram.WordTokenizer.from_texts([f"a {text} b"], unknown="<unk>")
    model = bigram.CountModel(bigram.AddK(1.0), tokenizer).fit([f"a {text} b"])
    model.save(tmp_path / "m\x1b[31m\n.safetensors")
    return tmp_path / "m\x1b[31m\n.safetensors"


def clean(text: str) -> bool:
    return not any(c in text for c in "\x1b\x07\x9b\u202e\r")


def test_no_command_lets_a_model_control_the_terminal(run, hostile, tmp_path) -> None:
    word = ESCAPE.replace("\r", "")
    seen = ""
    for arguments in (
        ["info", hostile],
        ["info", hostile, "--json"],
        ["sample", hostile, "-n", 30],
        ["sample", hostile, "-n", 30, "--json"],
        ["score", hostile, "-"],
        ["score", hostile, "-", "--json"],
        ["explain", hostile, f"a {word}"],
        ["explain", hostile, f"a {word}", "--json"],
        ["convert", hostile, "c\x1b.tsv"],
        ["convert", hostile, "c\x1b.tsv", "--json"],
        ["info", "c\x1b.tsv"],
        ["fit", "c\x1b.tsv", "-o", "n\x1b.safetensors"],
    ):
        result = run(*arguments, stdin=f"a {word}\n".encode())
        assert result.code == 0, result.err
        assert clean(result.out + result.err), arguments
        seen += result.out
    assert r"\x1b]0;owned\x07" in seen
    for arguments in (
        ["info", "none\x1b[31m\n"],
        ["fit", "none\x1b[31m\n", "-o", "x"],
        ["evaluate", hostile, "none\x1b\n"],
        ["plot", hostile, "--max-symbols", "\x1b[1m"],
        ["\x1b[31m"],
    ):
        result = run(*arguments)
        assert result.code == 2
        assert clean(result.out + result.err), arguments
        assert result.err.count("\n") == 1


def test_what_is_printable_stays(run) -> None:
    text = "Åse\tnaïve\u200c \u200d👩‍👧 漢字 \u00a0\n"
    assert printable(text) == text
    assert printable("plain\ttext\n" * 9) == "plain\ttext\n" * 9
    for code in (*range(9), *range(11, 32), *range(127, 160)):
        assert printable(f"a{chr(code)}b") == f"a\\x{code:02x}b".replace(r"\x0d", r"\r")
    assert on_one_line("a\nb\tc") == r"a\nb\tc"


def test_json_stays_json_whatever_the_text(capsys) -> None:
    value = {"text": ESCAPE + 'a "Infinity" \\ NaN', "x": [float("inf"), -float("inf"), 1e-9, None]}
    emit_json(value)
    line = capsys.readouterr().out
    assert clean(line)
    assert json.loads(line) == value
    emit_json([float("nan"), True, (1, "é")])
    assert capsys.readouterr().out == '[null, true, [1, "é"]]\n'


def test_json_of_a_long_text_takes_memory_in_proportion(monkeypatch, capsys) -> None:
    text = "\\ab " * 500_000
    tracemalloc.start()
    emit_json({"text": text, "score": -1.5})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * len(text)
    assert json.loads(capsys.readouterr().out)["text"] == text


def test_errors_are_short_and_on_one_line() -> None:
    message = describe(ValueError("a.txt: line 1: " + "x" * 50_000_000 + " is bad"))
    assert len(message) < 3000
    assert message.startswith("a.txt: line 1: x")
    assert message.endswith("x is bad")
    assert (
        describe(FileNotFoundError(errno.ENOENT, "No such file", "a\nb")) == r"a\nb: No such file"
    )


def test_answers_before_a_bad_byte_are_written(run, model) -> None:
    for command in ("score", "explain"):
        result = run(command, model, "-", stdin=b"emma\nava\n\xff\nava\n")
        assert result.code == 2
        assert result.err == "bigram: error: -: line 3, byte 0: invalid UTF-8\n"
        assert "emma" in result.out
        assert "ava" in result.out
    result = run("score", model, "-", stdin="emma\nava\n".encode("utf-16"))
    assert "-: is text in UTF-16, wanted UTF-8" in result.err


def test_a_long_line_takes_linear_time(monkeypatch) -> None:
    data = b"a" * (64 << 20) + b"\nb"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    start = time.process_time()
    lines = [line for lines in input_lines() for line in lines]
    assert time.process_time() - start < 2  # many seconds where each chunk copies the line
    assert list(map(len, lines)) == [64 << 20, 1]


def test_a_long_word_takes_linear_time(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x " + b"a" * (64 << 20) + b" y z")
    start = time.process_time()
    parts = [bytes(data) for data, _ in iter_word_data(bigram.Corpus.text(path))]
    assert time.process_time() - start < 1.5
    assert b"".join(parts) == path.read_bytes()
    assert max(map(len, parts)) > 64 << 20


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_named(process, run, model, tmp_path) -> None:
    with (
        Path("/dev/full").open("w") as full,
        process("sample", model, stdout=full, stderr=subprocess.PIPE) as running,
    ):
        err = running.stderr.read().decode()
        assert running.wait(60) == 2
    assert err == "bigram: error: standard output: No space left on device\n"


def test_a_file_that_does_not_fit_is_named(process, corpus, tmp_path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    command = ("fit", corpus, "-o", tmp_path / "big.safetensors")
    with process(*command, stderr=subprocess.PIPE, preexec_fn=limit) as running:
        err = running.stderr.read().decode()
        assert running.wait(60) == 2
    assert err == f"bigram: error: {tmp_path / 'big.safetensors'}: File too large\n"
    assert not (tmp_path / "big.safetensors").exists()


@pytest.mark.parametrize("command", ["fit", "count", "score", "train"])
def test_a_closed_standard_error_changes_nothing(corpus, model, tmp_path, command) -> None:
    target = tmp_path / "new.safetensors"
    more = [model, corpus] if command == "score" else [corpus, "-o", target]
    more += ["--steps", "2"] if command == "train" else []
    words = " ".join(map(str, [sys.executable, "-m", "bigram", command, *more]))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["sh", "-c", f"{words} 2>&-"], env=environment, stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == 0
    assert done.stdout
    assert command == "score" or bigram.load(target) is not None


def test_a_lack_of_memory_is_one_line(run, model, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bigram.cli.models.emit", fail)
    result = run("sample", model)
    assert (result.code, result.err) == (1, "bigram: error: not enough memory\n")


def test_an_arpa_file_of_characters_says_how_texts_are_split(run, corpus) -> None:
    assert run("fit", corpus, "-o", "m.safetensors", "--smoothing", "witten-bell").code == 0
    assert run("convert", "m.safetensors", "m.arpa").code == 0
    for command in (["score", "m.arpa", corpus], ["evaluate", "m.arpa", corpus]):
        with pytest.warns(UserWarning, match="all its words are single characters"):
            run(*command)
    assert run("sample", "m.arpa", "-n", 1).code == 0  # asks nothing of a text
