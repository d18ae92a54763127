"""The limits of the machine, measured in the run that the figures come from."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Machine:
    """Limits with all processors busy: bytes a second, and increments of cached cells a second."""

    threads: int
    copy: float  # bytes read plus written
    read: float
    fault: float  # bytes of fresh memory touched for the first time
    increment: float  # one load, add and store a cell, cells in L1


def measure(*, quick: bool = False) -> Machine:
    """Measure the limits; NumPy copies and reduces without the GIL."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    size = 1 << (24 if quick else 27)
    source = [np.ones(size, np.uint8) for _ in range(threads)]
    target = [np.ones(size, np.uint8) for _ in range(threads)]
    cells = [np.zeros(2048, np.int64) for _ in range(threads)]

    def increment(i: int) -> None:
        for _ in range(1000):
            cells[i] += 1

    return Machine(
        threads=threads,
        copy=2 * size * threads / _together(lambda i: np.copyto(target[i], source[i]), threads),
        read=size * threads / _together(lambda i: source[i].view(np.int64).max(), threads),
        fault=size * threads / _together(lambda _: np.zeros(size, np.uint8).fill(1), threads),
        increment=2048 * 1000 * threads / _together(increment, threads),
    )


def _together(work: Callable[[int], object], threads: int) -> float:
    """Return the median seconds of `threads` calls side by side."""
    times = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(work, range(threads)))
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


_before = 0


def reset_peak_memory() -> None:
    """Start measuring: memory that is held now does not count."""
    global _before
    try:
        ctypes.CDLL(None).malloc_trim(0)  # freed memory that the allocator keeps would not count
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        _before = _status("VmRSS")
    except (OSError, AttributeError, TypeError):
        _before = -1


def peak_memory() -> int | None:
    """Return the peak growth of resident memory since then in bytes; None except on Linux."""
    return None if _before < 0 else max(0, _status("VmHWM") - _before)


def _status(field: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(field))
