"""Smoothing methods by name, and from their JSON description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigram.common.checks import bad_value
from bigram.smoothing.additive import MLE, AddK, Dirichlet
from bigram.smoothing.base import Smoothing
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey
from bigram.smoothing.interpolated import JelinekMercer, StupidBackoff, WittenBell
from bigram.smoothing.katz import Katz

__all__ = ["METHODS", "from_json"]

METHODS: dict[str, type[Smoothing]] = {
    method.__name__: method
    for method in (
        MLE,
        AddK,
        JelinekMercer,
        Dirichlet,
        WittenBell,
        AbsoluteDiscount,
        KneserNey,
        ModifiedKneserNey,
        StupidBackoff,
        Katz,
    )
}


def from_json(description: Mapping[str, Any]) -> Smoothing:
    """Make the smoothing that `to_json` has described.

    Parameters
    ----------
    description : mapping
        `name`, and the options by name.

    Returns
    -------
    Smoothing

    Raises
    ------
    ValueError
        If there is no method of this name, or if it does not have these options.

    Examples
    --------
    >>> from_json({"name": "AddK", "k": 0.5})
    AddK(k=0.5)
    """
    options = dict(description)
    name = options.pop("name", None)
    if name not in METHODS:
        raise bad_value(name, "name", f"one of {sorted(METHODS)}")
    try:
        return METHODS[name](**options)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
