"""The examples print the lectures' numbers, and run from anywhere without arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bigram

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PACKAGES = Path(bigram.__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def golden(reference_folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((reference_folder / "torch_golden.json").read_text())
    return loaded


def run(example: str, data: Path, folder: Path) -> str:
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, EXAMPLES / example],
        capture_output=True,
        check=True,
        text=True,
        cwd=folder,
        env={**os.environ, "BIGRAM_DATA": str(data.parent), "PYTHONPATH": path},
    ).stdout


def test_names(names_path: Path, tmp_path: Path, golden: dict[str, Any]) -> None:
    output = run("names.py", names_path, tmp_path)
    losses = golden["names_neural_losses_100_steps_lr50_l2_0.01"]
    for expected in [
        "228,146 bigrams over 27 symbols: .abcdefghijklmnopqrstuvwxyz",
        "sampled in the video: mor. axx. minaymoryles. kondlaisah. anchshizarie.\n",
        "sampled today:        " + " ".join(golden["names_counts_samples_exponential"]) + "\n",
        "nll = 2.4540\n",
        "log-likelihood of andrejz: -inf",
        "  .a: 0.1377 -1.9829\n",
        "  jz: 0.0000 -inf\n",
        "smoothed: nll = 2.4546\n",
        "log-likelihood of andrejz: -28.2463, 3.5308 a pair\n",
        f"step 0: loss {losses[0]:.4f}\n",
        f"step 99: loss {losses[99]:.4f}\n",
        "counting reaches: 2.4540\n",
        "sampled from the network: " + " ".join(golden["names_neural_samples_exponential"]) + "\n",
    ]:
        assert expected in output
    assert not any(tmp_path.iterdir())


def test_shakespeare(shakespeare_path: Path, tmp_path: Path, golden: dict[str, Any]) -> None:
    output = run("shakespeare.py", shakespeare_path, tmp_path)
    script, batch = golden["shakespeare_manual_seed_1337"], golden["shakespeare_first_batch"]
    for expected in [
        "1,115,394 characters, 65 different\n",
        "inputs:  24 43 58 5 57 1 46 43\n",
        "targets: 43 58 5 57 1 46 43 39\n",
        "logits (4, 8, 65), untrained loss 4.8786, ln 65 = 4.1744\n",
        batch["untrained_generate_100_after_loss"],
        # all ten lines as they were printed, to the fourth digit
        "\n".join(script["printed_losses"]) + "\n",
    ]:
        assert expected in output
    # and all 500 characters
    assert output.endswith(script["generated_500"])
