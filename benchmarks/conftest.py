"""What the benchmarks share: sizes, the machine's limits, and the duel.

A duel checks every contender's answer first, then times all of them in one process and in turns, so
that noise affects them equally, and reports the ratios of their medians to ours. `bigram` is this
package with all threads of the machine, `bigram, 1 thread` with one; every other name is a peer.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from goals import OURS, Goal
from machine import Machine, measure, peak_memory, reset_peak_memory
from text_of_words import write_text


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="smaller inputs, fewer rounds")


@pytest.fixture(scope="session")
def level(request: pytest.FixtureRequest) -> str:
    """How much to do: "full", "quick" (--quick) or "smoke" (BIGRAM_BENCH=smoke)."""
    if os.environ.get("BIGRAM_BENCH") == "smoke":
        return "smoke"
    return "quick" if request.config.getoption("--quick") else "full"


@pytest.fixture(scope="session")
def size(level: str) -> Callable[[int, int, int], int]:
    """Return a function that picks the value of this run's level: size(full, quick, smoke)."""
    return lambda full, quick, smoke: {"full": full, "quick": quick, "smoke": smoke}[level]


@pytest.fixture(scope="session")
def machine(level: str) -> Machine:
    return measure(quick=level != "full")


@pytest.fixture(scope="session")
def text_of_words(tmp_path_factory: pytest.TempPathFactory, size: Callable[..., float]) -> Path:
    """Return a text of words, 55 MB in a full run."""
    path = tmp_path_factory.mktemp("text") / "words.txt"
    write_text(path, size(55, 8, 0.05), types=int(size(240_000, 60_000, 500)))
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


Contender = Callable[[], Any]


@pytest.fixture
def duel(benchmark: Any, level: str, machine: Machine) -> Callable[..., dict[str, float]]:
    """Return a function that times contenders: median seconds by name.

    `contenders` leads from a name to a call without arguments; "bigram" is one of them.
    ``check(name, answer)`` raises if an answer is wrong. `work` is how many units one call does,
    for the rate. `limit` is a function of the machine that returns the least seconds that the work
    could take. `curve`, (name, axis, x), makes the case a point of a curve, with the peak memory of
    a call beside its input.
    """

    def run(
        group: str,
        contenders: Mapping[str, Contender],
        *,
        check: Callable[[str, Any], None],
        work: float,
        unit: str,
        limit: Callable[[Machine], float] | None = None,
        goals: Sequence[Goal] = (),
        curve: tuple[str, str, float] | None = None,
    ) -> dict[str, float]:
        once, memory = {}, {}
        for name, contender in contenders.items():
            answer, once[name], memory[name] = _first_call(contender, curve is not None)
            check(name, answer)
            del answer
        seconds = _alternate(contenders, once, level)
        peers = {name: s for name, s in seconds.items() if name not in OURS}
        best = min(peers, key=lambda name: peers[name]) if peers else None
        benchmark.group = group
        benchmark.extra_info.update(
            seconds=seconds,
            best_peer=best,
            ratio=peers[best] / seconds["bigram"] if best else None,
            goals=[[goal.words(unit), goal.reached(seconds, work, unit)] for goal in goals],
            limit=limit(machine) / seconds["bigram"] if limit else None,
            work=work,
            unit=unit,
        )
        if curve is not None:
            benchmark.extra_info["curve"] = dict(zip(("name", "axis", "x"), curve, strict=True))
            benchmark.extra_info["memory"] = memory
        benchmark.pedantic(
            contenders["bigram"], rounds=1
        )  # pytest-benchmark needs a run of its own
        return seconds

    return run


def _first_call(contender: Contender, with_memory: bool) -> tuple[Any, float, int | None]:
    """Return the answer, the seconds that it took, and by how much memory grew."""
    if with_memory:
        reset_peak_memory()
    start = time.perf_counter()
    answer = contender()
    seconds = time.perf_counter() - start
    return answer, seconds, peak_memory() if with_memory else None


def _alternate(
    contenders: Mapping[str, Contender], once: Mapping[str, float], level: str
) -> dict[str, float]:
    """Return median seconds of each, from rounds of one turn each until the time is spent."""
    budget, most = {"full": (6.0, 25), "quick": (0.6, 7), "smoke": (0.0, 1)}[level]
    least = 1 if level == "smoke" or sum(once.values()) > 2 * budget else 3
    repeats = dict.fromkeys(contenders, 1)
    for name, contender in contenders.items():  # calls too short to time alone are repeated
        if level != "smoke" and once[name] < 0.1:
            repeats[name] = max(1, min(10_000, int(1e-3 / max(_time(contender, 1), 1e-7))))
    turns: dict[str, list[float]] = {name: [] for name in contenders}
    start = time.perf_counter()
    while True:
        for name, contender in contenders.items():
            if once[name] < 0.02:  # the previous contender has filled the caches
                contender()
            turns[name].append(_time(contender, repeats[name]))
        done = len(next(iter(turns.values())))
        if done >= most or (done >= least and time.perf_counter() - start > budget):
            return {name: statistics.median(times) for name, times in turns.items()}


def _time(contender: Contender, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        contender()
    return (time.perf_counter() - start) / repeats
