"""Checkpoints: interrupted, resumed and killed runs end with the same bits."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import SGD, NeuralModel, TorchGenerator
from bigram.training.history import TrainingStep

TOKENS = np.random.default_rng(0).integers(0, 5, 2000).astype(np.uint8)


RUNS: dict[str, dict[str, Any]] = {
    "full batch": {"learning_rate": 0.5, "l2": 0.01},
    "momentum": {"learning_rate": 0.05, "optimizer": SGD(momentum=0.9)},
    "windows": {"learning_rate": 0.01, "optimizer": "adamw", "batch_size": 8, "seed": 5},
    "shuffled": {"learning_rate": 0.01, "batch_size": 300, "shuffle": True, "seed": 5},
    "lecture": {
        "learning_rate": 0.01,
        "optimizer": "adamw",
        "batch_size": 8,
        "eval_every": 4,
        "eval_batches": 3,
        "validation": 0.1,
        "clip_norm": 0.1,
    },
}


@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_is_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    def fit(steps: int, **options: Any) -> tuple[NeuralModel, bigram.History]:
        seed = {"seed": TorchGenerator(9)} if name == "lecture" else {}
        model = NeuralModel(5, seed=1)
        history = model.fit(TOKENS, steps=steps, **{**RUNS[name], **seed, **options})
        return model, history

    whole, expected = fit(23)
    path = tmp_path / "run.safetensors"
    options: dict[str, Any] = {"checkpoint": path, "checkpoint_every": 3}
    for stop in (4, 11, 17):  # interrupted between checkpoints

        def interrupt(step: TrainingStep, stop: int = stop) -> None:
            if step.step == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit(23, resume=True, callbacks=[interrupt], **options)
    resumed, history = fit(23, resume=True, **options)
    np.testing.assert_array_equal(resumed.weight, whole.weight)
    np.testing.assert_array_equal(history.losses, expected.losses)
    assert history.evaluations == expected.evaluations
    again, _ = fit(23, resume=True, checkpoint=path)  # nothing is left to do
    np.testing.assert_array_equal(again.weight, whole.weight)
    assert os.listdir(tmp_path) == [path.name]


def test_early_stopping_is_resumed(tmp_path: Path) -> None:
    tokens = np.concatenate([np.tile([0, 1, 2, 3], 200), np.tile([0, 1, 2, 2], 30)])
    options: dict[str, Any] = {
        "learning_rate": 1.0,
        "validation": 0.12,
        "eval_every": 10,
        "patience": 3,
    }
    whole = NeuralModel(5, seed=0)
    expected = whole.fit(tokens, steps=2000, **options)
    assert 30 < len(expected.losses) < 2000
    saved = {"checkpoint": tmp_path / "run", "checkpoint_every": 25, "resume": True}
    for steps in (30, 60, 2000):
        model = NeuralModel(5, seed=0)
        history = model.fit(tokens, steps=steps, **options, **saved)
    np.testing.assert_array_equal(model.weight, whole.weight)
    np.testing.assert_array_equal(history.losses, expected.losses)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"l2": 0.5}, "l2 was 0.0, now it is 0.5"),
        ({"optimizer": "sgd"}, "optimizer was AdamW"),
        ({"learning_rate": 0.3}, "learning rates"),
        ({"steps": 3}, "it is at step 6, steps = 3"),
        ({"data": TOKENS[:-1]}, "data was 2000 tokens"),
    ],
)
def test_a_run_is_not_resumed_as_another(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "data": TOKENS,
        "steps": 6,
        "learning_rate": 0.1,
        "optimizer": "adamw",
        "checkpoint": tmp_path / "run",
        "checkpoint_every": 3,
    }
    NeuralModel(5, seed=0).fit(options["data"], **{k: options[k] for k in options if k != "data"})
    options |= change
    data = options.pop("data")
    model = NeuralModel(5, seed=0)
    before = model.weight.copy()
    with pytest.raises(ValueError, match=message):
        model.fit(data, resume=True, **options)
    np.testing.assert_array_equal(model.weight, before)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    options: dict[str, Any] = {"steps": 6, "learning_rate": 0.1, "checkpoint": path}
    NeuralModel(5, seed=0).fit(TOKENS, checkpoint_every=3, **options)
    sound = path.read_bytes()
    for damaged in (sound[:-9], b"", sound[:100] + b"x" + sound[101:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="run"):
            NeuralModel(5, seed=0).fit(TOKENS, resume=True, **options)
    NeuralModel(5, seed=0).save(path)
    with pytest.raises(ValueError, match="training_checkpoint"):
        NeuralModel(5, seed=0).fit(TOKENS, resume=True, **options)


def test_a_checkpoint_of_version_0_1_0_can_be_resumed(tmp_path: Path) -> None:
    # Written by that version after 9 of the 12 steps, with these options.
    path = tmp_path / "run"
    shutil.copy(Path(__file__).parents[1] / "data" / "checkpoint_0.1.0.safetensors", path)
    options: dict[str, Any] = {
        "steps": 12,
        "learning_rate": 0.01,
        "optimizer": "adamw",
        "batch_size": 8,
        "seed": 5,
        "validation": 0.1,
        "eval_every": 4,
        "patience": 9,
    }
    whole, resumed = NeuralModel(5, seed=1), NeuralModel(5, seed=2)
    expected = whole.fit(TOKENS, **options)
    history = resumed.fit(TOKENS, checkpoint=path, resume=True, **options)
    # Not to the bit: the file may be from a processor with other instructions.
    np.testing.assert_allclose(history.losses, expected.losses, atol=1e-3)
    np.testing.assert_allclose(resumed.weight, whole.weight, atol=1e-3)
    assert [e.step for e in history.evaluations] == [0, 4, 8, 12]


SCRIPT = """
import sys
import numpy as np
import bigram
tokens = np.random.default_rng(0).integers(0, 60, 20_000).astype(np.uint8)
model = bigram.NeuralModel(60, seed=1)
model.fit(tokens, steps=2000, learning_rate=0.01, optimizer="adamw", batch_size=32, seed=2,
          checkpoint=sys.argv[1], checkpoint_every=40, resume=True)
np.save(sys.argv[2], model.weight)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    packages = str(Path(bigram.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [packages, os.environ.get("PYTHONPATH")]))

    def start(name: str) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-c", SCRIPT, tmp_path / name, tmp_path / f"{name}.npy"]
        return subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": path})

    assert start("whole").wait() == 0
    killed = 0
    waits = random.Random(0)
    while True:
        process = start("killed")
        before = (tmp_path / "killed").stat().st_mtime_ns if (tmp_path / "killed").exists() else 0
        while process.poll() is None:  # until it has written another checkpoint, at least
            now = (tmp_path / "killed").stat().st_mtime_ns if (tmp_path / "killed").exists() else 0
            if now != before and killed < 2:
                time.sleep(waits.uniform(0, 0.03))
                process.kill()
                process.wait()
                killed += 1
            time.sleep(0.001)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert killed >= 1
    np.testing.assert_array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))
