"""Smoothing: from counts to probabilities, also for pairs that were never seen.

Conventions. One id stands for both ends of a sequence: as a context it is its start, as a token its
end. So there are V successors, the start is none of them, and the unigram base is the column sums
of the counts. nltk.lm counts ``<s>``, ``</s>`` and ``<UNK>`` as words of their own, ``<s>`` among
the unigrams; on counts over its vocabulary, with ``base=`` its unigram frequencies, the scores are
the same. KenLM's lmplz agrees with `ModifiedKneserNey` where the tokenizer has an unknown symbol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigram.smoothing.additive import MLE, AddK, Dirichlet
from bigram.smoothing.base import Discounts, Smoothing
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey
from bigram.smoothing.interpolation import JelinekMercer, StupidBackoff, WittenBell
from bigram.smoothing.katz import Katz

__all__ = [
    "MLE",
    "AbsoluteDiscount",
    "AddK",
    "Dirichlet",
    "Discounts",
    "JelinekMercer",
    "Katz",
    "KneserNey",
    "ModifiedKneserNey",
    "Smoothing",
    "StupidBackoff",
    "WittenBell",
    "from_json",
]

_METHODS: dict[str, type[Smoothing]] = {
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
    """Make the smoothing that a `to_json` describes.

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
        For a name that is no method, or options that are not the method's.

    Examples
    --------
    >>> from_json({"name": "AddK", "k": 0.5})
    AddK(k=0.5)
    """
    options = dict(description)
    name = options.pop("name", None)
    if name not in _METHODS:
        raise ValueError(f"name = {name!r} is no smoothing; wanted one of {sorted(_METHODS)}")
    try:
        return _METHODS[name](**options)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
