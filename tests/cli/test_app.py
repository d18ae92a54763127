"""The command line as a whole: help, exit codes, encodings, pipes and signals."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

import bigram
from bigram.cli.app import main


def test_help_lists_every_command(run) -> None:
    text = run("--help").out
    for command in ("demo", "fit", "evaluate", "sample", "score", "explain", "plot", "info"):
        assert f"  {command} " in text
        assert "--help" in run(command, "--help").out
    assert run().out == text
    assert run("--version").out == f"bigram {bigram.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "none.safetensors", "names.txt"], "none.safetensors: No such file"),
        (["evaluate", "names.txt", "names.txt"], "names.txt: not a bigram file"),
        (["evaluate", "m.safetensors", "none.txt"], "none.txt: No such file"),
        (["evaluate", "m.safetensors", "."], "Is a directory"),
        (["fit", "names.txt", "-o", "no/folder/m"], "No such file"),
        (["fit", "names.txt"], "-o"),
        (
            ["fit", "names.txt", "-o", "x", "--smoothing", "best"],
            "smoothing = 'best', wanted one of mle, add-k",
        ),
        (
            ["fit", "names.txt", "-o", "x", "--smoothing", "add-k:z=1"],
            "option = 'z' of smoothing 'add-k', wanted one of ['k']",
        ),
        (["fit", "names.txt", "-o", "x", "--smoothing", "add-k:-1"], "k = -1"),
        (
            ["fit", "names.txt", "-o", "x", "--smoothing", "mle:1"],
            "smoothing = 'mle:1', wanted mle without options",
        ),
        (["fit", "names.txt", "-o", "x", "--tokenizer", "bytes"], "bytes"),
        (["fit", "names.txt", "-o", "x", "--errors", "ignore"], "errors = 'ignore'"),
        (["sample", "m.safetensors", "-n", "many"], "-n"),
        (["sample", "m.safetensors", "--temperature", "0"], "temperature"),
        (["sample", "m.safetensors", "--prefix", "q"], "'q'"),
        (["explain", "m.safetensors", "qqq"], "'q'"),
        (["info", "names.txt"], "names.txt: not a bigram file"),
        (["sample", "m.safetensors", "--threads", "0"], "--threads"),
        (["train", "names.txt", "-o", "x", "--learning-rate", "1e300"], "step"),
        (["conjure"], "conjure"),
        (["sample", "m.safetensors", "--sed", "1"], "--sed"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, model, arguments, message) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("bigram: error: ")
    assert result.err.count("\n") == 1
    assert message in result.err


def test_a_damaged_model_is_one_line(run, model) -> None:
    data = bytearray(model.read_bytes())
    data[-5] ^= 1
    model.write_bytes(data)
    result = run("sample", model)
    assert result.code == 2
    assert "damaged" in result.err


def test_a_closed_pipe_ends_quietly(model, process) -> None:
    pipe = subprocess.PIPE
    with process("sample", model, "-n", 100000, stdout=pipe, stderr=pipe) as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 141


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_escapes_what_an_encoding_lacks(run, tmp_path, monkeypatch, encoding) -> None:
    text = "ž漢é\U0001f600"
    (tmp_path / "t.txt").write_text(text + "\n", encoding="utf-8")
    assert run("fit", tmp_path / "t.txt", "-o", tmp_path / "m").code == 0
    for options, wanted in (((), text.encode(encoding, "backslashreplace")), (("--json",), None)):
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding))
        assert main(["score", str(tmp_path / "m"), str(tmp_path / "t.txt"), *options]) == 0
        if wanted is None:
            assert json.loads(out.getvalue())["text"] == text
        else:
            assert out.getvalue().rstrip().endswith(b"\t" + wanted)


@pytest.mark.parametrize(("closed", "name"), [("stdout", "output"), ("stdin", "input")])
def test_a_closed_standard_stream_is_an_error(model, capsys, monkeypatch, closed, name) -> None:
    monkeypatch.setattr(sys, closed, None)
    assert main(["score", str(model), "-"]) == 2
    assert capsys.readouterr().err == f"bigram: error: standard {name} is closed\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_ends_with_130(model, process) -> None:
    pipe = subprocess.PIPE
    with process("score", model, "-", stdin=pipe, stdout=pipe, stderr=pipe) as running:
        running.stdin.write(b"emma\n")
        running.stdin.flush()
        running.stdout.readline()
        time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert running.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("command", ["--help", "fit", "sample", "demo"])
def test_an_interrupt_while_the_command_starts_ends_with_130(
    model, corpus, tmp_path, process, command
) -> None:
    arguments = {"fit": [corpus, "-o", tmp_path / "n"], "sample": [model]}.get(command, [])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command_line = [sys.executable, "-X", "importtime", "-m", "bigram", command, *arguments]
    codes = set()
    for step in range(8):
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command_line, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe
        ) as running:
            # An interpreter that has not reached the package dies of the signal.
            while b"bigram.common.startup" not in running.stderr.readline():
                pass
            time.sleep(0.06 * step)
            running.send_signal(signal.SIGINT)
            _, err = running.communicate(timeout=60)
        lines = [line for line in err.splitlines() if not line.startswith(b"import time:")]
        assert lines == []
        codes.add(running.returncode)
    # To a shell, a process that SIGINT ended has exit code 130 too.
    assert codes <= {0, 130, -signal.SIGINT}
    assert 130 in codes
    assert not list(tmp_path.glob(".bigram-*"))


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["bigram", "mine.py"])
def test_a_program_that_imports_the_package_keeps_its_interrupts(tmp_path, name) -> None:
    program = tmp_path / name
    program.write_text(
        "import os, signal, bigram\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    print('caught')\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, check=True, cwd=tmp_path
    )
    assert found.stdout.strip() == b"caught"


def test_importing_the_package_does_not_import_the_command_line() -> None:
    code = (
        "import sys, bigram; late = {'typer', 'scipy', 'safetensors', 'tqdm', 'matplotlib', "
        "'torch', 'pandas'}; assert not late & set(sys.modules), late & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)


@pytest.mark.filterwarnings("ignore:perplexity is inf")
def test_infinities_are_written_as_json(run, corpus, tmp_path) -> None:
    path = tmp_path / "mle.safetensors"
    run("fit", corpus, "-o", path, "--smoothing", "MLE")
    assert run("evaluate", path, "-", "--json", stdin=b"e\n").json["nll"] == math.inf
    empty = run("evaluate", path, "-", "--json", stdin=b"").json
    assert (empty["nll"], empty["num_tokens"]) == (None, 0)
    assert run("score", path, "-", "--json", stdin=b"e\n").json["score"] == -math.inf


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_without_a_writer_is_named_while_it_is_waited_for(tmp_path, process, model) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    pipe = subprocess.PIPE
    for arguments, texts in ((["fit", path, "-o", tmp_path / "n"], 1), (["score", model, path], 1)):
        with process(*arguments, stdout=pipe, stderr=pipe) as running:
            line = running.stderr.readline().decode()
            assert line == (
                f"bigram: warning: {path}: is a pipe that nobody writes to yet: "
                "waiting for a writer\n"
            )
            with path.open("w") as writer:
                writer.write("emma\n" * texts)
            assert running.wait(60) == 0
            assert running.stdout.read()
    with process("fit", path, "-o", tmp_path / "n", stderr=pipe) as running:
        running.stderr.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert running.stderr.read() == b""
