"""The fixed cost of a call: ten tokens at V = 27, and of `import bigram`.

The goal is 5 us a call; the peer is what NumPy takes for the same work.
"""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from goals import Goal

from bigram import kernels, reference

V = 27
TOKENS = np.arange(10, dtype=np.uint8)
COUNTS = np.ones((V, V), np.int64)
PROBS = np.full((V, V), 1 / V)
LOG_PROBS = np.log(PROBS)
WEIGHT = np.zeros((V, V), np.float32)
LOGITS = np.zeros((10, V), np.float32)
CONTEXTS = np.arange(10)
STARTS = np.zeros(1, np.int64)

CALLS = {
    "count_bigrams": (
        lambda: kernels.count_bigrams(TOKENS, V),
        lambda: reference.count_bigrams(TOKENS, V),
    ),
    "normalize_rows": (
        lambda: kernels.normalize_rows(COUNTS),
        lambda: reference.normalize_rows(COUNTS),
    ),
    "score_sequences": (
        lambda: kernels.score_sequences(LOG_PROBS, TOKENS),
        lambda: reference.score_sequences(LOG_PROBS, TOKENS),
    ),
    "multinomial": (
        lambda: kernels.multinomial(PROBS[0], 10, seed=0),
        lambda: np.random.default_rng(0).choice(V, 10, p=PROBS[0]),
    ),
    "sample_sequences": (
        lambda: kernels.sample_sequences(PROBS, STARTS, max_length=10, seed=0),
        lambda: np.random.default_rng(0).choice(V, 10, p=PROBS[0]),
    ),
    "softmax_cross_entropy": (
        lambda: kernels.softmax_cross_entropy(LOGITS, CONTEXTS),
        lambda: reference.softmax_cross_entropy(LOGITS, CONTEXTS),
    ),
    "softmax_cross_entropy_grad": (
        lambda: kernels.softmax_cross_entropy_grad(LOGITS, CONTEXTS),
        lambda: reference.softmax_cross_entropy_grad(LOGITS, CONTEXTS),
    ),
    "embedding_cross_entropy_grad": (
        lambda: kernels.embedding_cross_entropy_grad(WEIGHT, CONTEXTS, CONTEXTS),
        lambda: reference.embedding_cross_entropy_grad(WEIGHT, CONTEXTS, CONTEXTS),
    ),
    "count_cross_entropy_grad": (
        lambda: kernels.count_cross_entropy_grad(WEIGHT, COUNTS),
        lambda: reference.count_cross_entropy_grad(WEIGHT, COUNTS),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_fixed_cost(duel, name):
    ours, numpy = CALLS[name]
    duel(
        f"{name}, 10 tokens at V = 27",
        {"bigram": ours, "numpy": numpy},
        check=lambda _, answer: None,
        work=1,
        unit="calls",
        goals=[Goal(seconds=5e-6)],
    )


def test_import(duel):
    """`import bigram` beside `import numpy`, in fresh interpreters; the goal is 0.15 s."""

    # Modules are compiled once, as at any installation.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def start(module: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)
        return time.perf_counter() - begin

    duel(
        "import in a fresh interpreter",
        {"bigram": lambda: start("bigram"), "import numpy": lambda: start("numpy")},
        check=lambda _, answer: None,
        work=1,
        unit="imports",
        goals=[Goal(seconds=0.15)],
    )
