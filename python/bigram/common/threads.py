"""How many threads the kernels use."""

from __future__ import annotations

import math
import os

from bigram.common.checks import check_index
from bigram.common.types import StrPath

__all__ = ["get_num_threads", "resolve_num_threads", "set_num_threads"]

_MAX_THREADS = 1024

_chosen: int | None = None  # by set_num_threads
_default: int | None = None  # found out at first use


def set_num_threads(n: int | None) -> None:
    """Set the number of threads that kernels use by default.

    Parameters
    ----------
    n : int or None
        At least 1. ``None`` returns to the default: ``OMP_NUM_THREADS`` if it is set, else the
        processors that this process may use (its affinity and its cgroup's quota).

    Raises
    ------
    TypeError
        If ``n`` is not an integer.
    ValueError
        If ``n`` is outside [1, 1024].

    Examples
    --------
    >>> import bigram
    >>> bigram.set_num_threads(1)
    >>> bigram.get_num_threads()
    1
    >>> bigram.set_num_threads(None)
    """
    global _chosen
    _chosen = None if n is None else check_index(n, "num_threads", 1, _MAX_THREADS)


def get_num_threads() -> int:
    """Return the number of threads that a kernel uses when it is not told otherwise.

    Returns
    -------
    int
        What :func:`set_num_threads` set, else ``OMP_NUM_THREADS``, else the processors that this
        process may use.

    Examples
    --------
    >>> import bigram
    >>> bigram.get_num_threads() >= 1
    True
    """
    global _default
    if _chosen is not None:
        return _chosen
    if _default is None:
        _default = _default_num_threads()
    return _default


def resolve_num_threads(num_threads: int | None) -> int:
    """Return the number of threads for one call: the argument, else the default."""
    if num_threads is None:
        return get_num_threads()
    return check_index(num_threads, "num_threads", 1, _MAX_THREADS)


def _default_num_threads() -> int:
    # OMP_NUM_THREADS may be a list, one number for each level of nesting.
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if first.isdecimal() and int(first) >= 1:
        return min(int(first), _MAX_THREADS)
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        usable = os.cpu_count() or 1
    return max(1, min(usable, _cgroup_quota(), _MAX_THREADS))


def _cgroup_quota(root: StrPath = "/sys/fs/cgroup") -> int:
    """Processors that the cgroup's quota amounts to, rounded up; no quota: a large number."""
    try:
        if os.path.exists(os.path.join(root, "cpu.max")):  # version 2: "max 100000"
            quota, period = _read(root, "cpu.max").split()[:2]
        else:  # version 1: -1 means no quota
            quota = _read(root, "cpu", "cpu.cfs_quota_us")
            period = _read(root, "cpu", "cpu.cfs_period_us")
        if int(quota) > 0:
            return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        pass
    return _MAX_THREADS


def _read(*parts: StrPath) -> str:
    with open(os.path.join(*parts), encoding="ascii") as file:  # pathlib takes 4 ms to import
        return file.read()
