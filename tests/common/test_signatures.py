"""Functions that take the fields of a dataclass in place of the object."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from bigram import NeuralModel
from bigram.common.signatures import expand, takes_options
from bigram.training.options import TrainingOptions


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options.

    Parameters
    ----------
    size : int
        How large.
    name : str

    Attributes
    ----------
    area : int
    """

    size: int
    name: str = "x"


class Thing:
    @takes_options(Options)
    def make(self, first: str, options: Options) -> tuple[Thing, str, Options]:
        """Make something.

        Parameters
        ----------
        first : str
        options : Options

        Returns
        -------
        tuple
        """
        return self, first, options


def test_the_fields_become_keywords_with_their_defaults() -> None:
    thing = Thing()
    assert thing.make("a", size=3) == (thing, "a", Options(size=3))
    assert thing.make("a", size=3, name="y")[2].name == "y"
    shown = str(inspect.signature(Thing.make))
    assert shown.startswith("(self, first: 'str', *, size: 'int', name: 'str' = 'x') -> ")


@pytest.mark.parametrize("options", [{}, {"size": 1, "weight": 2}, {"size": 1, "options": None}])
def test_missing_and_unknown_fields_are_type_errors(options: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"size|weight|options"):
        Thing().make("a", **options)  # type: ignore[arg-type]


def test_the_docstring_lists_the_parameters_of_the_dataclass() -> None:
    assert inspect.getdoc(Thing.make) == (
        "Make something.\n\nParameters\n----------\nfirst : str\nsize : int\n    How large.\n"
        "name : str\n\nReturns\n-------\ntuple"
    )


def test_annotations_can_be_shown_as_types() -> None:
    def function(a: int, *, b: Options, c: str = "") -> None:
        """Do nothing."""

    shown = inspect.signature(expand(function, eval_str=True, b=Options)).parameters
    assert {name: p.annotation for name, p in shown.items()} == {
        "a": int,
        "size": int,
        "name": str,
        "c": str,
    }


def test_every_option_of_fit_is_documented() -> None:
    doc = inspect.getdoc(NeuralModel.fit) or ""
    entries = {name for line in doc.splitlines() for name in line.partition(" : ")[0].split(", ")}
    options = set(inspect.signature(TrainingOptions).parameters)
    assert options <= set(inspect.signature(NeuralModel.fit).parameters)
    assert options <= entries
