"""Ctrl-C: each call here would run for minutes or for ever, and must stop when it is told to."""

import os
import signal
import subprocess
import sys
import time

import pytest

ENDLESS_TOKENS = "tokens = np.broadcast_to(np.uint8(1), (1 << 36,))"
MODEL = "model = bigram.CountModel().fit(bigram.datasets.load_names())"

CALLS = {
    "count_bigrams": (ENDLESS_TOKENS, "kernels.count_bigrams(tokens, 27)"),
    "count_bigrams, one thread": (
        ENDLESS_TOKENS,
        "kernels.count_bigrams(tokens, 27, num_threads=1)",
    ),
    "score_sequences": (
        ENDLESS_TOKENS,
        "kernels.score_sequences(np.zeros((27, 27)), tokens)",
    ),
    "sample_sequences": (
        "probs, starts = np.ones((27, 27)), np.zeros(1, np.int64)",
        "kernels.sample_sequences(probs, starts, max_length=1 << 33, seed=0)",
    ),
    "count of an endless corpus": (
        "import itertools; texts = itertools.repeat('emma')",
        "bigram.count(texts)",
    ),
    "evaluate an endless corpus": (
        f"import itertools; {MODEL}; texts = itertools.repeat('emma')",
        "model.evaluate(texts)",
    ),
    "sample": (MODEL, "model.sample(3 * 10**7, seed=0)"),
    "fit a network, full batch": (
        "counts = bigram.datasets.load_makemore_counts(); model = bigram.NeuralModel(27)",
        "model.fit(counts, steps=3 * 10**7, learning_rate=1.0)",
    ),
    "fit a network, minibatches": (
        "model = bigram.NeuralModel(27); tokens = np.arange(1000) % 27",
        "model.fit(tokens, steps=3 * 10**7, learning_rate=1e-3, optimizer='adamw', batch_size=32)",
    ),
}

SCRIPT = """
import numpy as np, bigram
from bigram import kernels
{setup}
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child on Windows")
@pytest.mark.parametrize("name", CALLS)
def test_a_signal_stops_a_call_at_once(name):
    setup, call = CALLS[name]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(setup=setup, call=call)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(0.3)  # so that the call is under way
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert out == "stopped\n", err
    assert process.returncode == 0
