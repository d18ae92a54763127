"""The goal of a case, and what was reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OURS = ("bigram", "bigram, 1 thread")


@dataclass(frozen=True)
class Goal:
    """One of: a ratio to a peer's time, work per second, or seconds a call.

    Parameters
    ----------
    ratio : float, optional
        The peer's seconds over ours.
    peer : str, optional
        The peer; None means the best one.
    rate : float, optional
        Units of work a second, of one thread if one thread was timed.
    seconds : float, optional
        The most that a call may take.
    """

    ratio: float | None = None
    peer: str | None = None
    rate: float | None = None
    seconds: float | None = None

    def words(self, unit: str) -> str:
        """Return the goal in words."""
        if self.ratio is not None:
            return f"{self.ratio:g} x {self.peer or 'the best peer'}"
        if self.rate is not None:
            return per_second(self.rate, unit)
        assert self.seconds is not None
        return f"at most {duration(self.seconds)}"

    def reached(self, seconds: Mapping[str, float], work: float, unit: str) -> str | None:
        """Return what was reached; None if the peer was not timed."""
        ours = seconds["bigram"]
        if self.ratio is not None:
            peers = {name: s for name, s in seconds.items() if name not in OURS}
            theirs = peers.get(self.peer) if self.peer else min(peers.values(), default=None)
            return None if theirs is None else f"{theirs / ours:.3g} x"
        if self.rate is not None:
            single = seconds.get("bigram, 1 thread")
            best = per_second(work / (single or ours), unit)
            return best + (" a thread" if single else "")
        return duration(ours)


def duration(seconds: float) -> str:
    """Return seconds in a fitting unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def per_second(rate: float, unit: str) -> str:
    """Return a rate with a fitting prefix."""
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if rate >= scale:
            return f"{rate / scale:.3g} {prefix}{unit}/s"
    return f"{rate:.3g} {unit}/s"
