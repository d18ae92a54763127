"""Options that are one object inside the package, and are named one by one by its users.

A dataclass holds the options with their types, defaults, checks and documentation. A function that
takes such an object is turned into one that takes the fields as keywords, so that an option is
written once, and still shows in signatures, `help` and type checkers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["expand", "takes_options"]

_Self = TypeVar("_Self")
_First = TypeVar("_First")
_Options = TypeVar("_Options")
_Result = TypeVar("_Result")
_Fields = ParamSpec("_Fields")


def takes_options(
    cls: Callable[_Fields, _Options],
) -> Callable[
    [Callable[[_Self, _First, _Options], _Result]],
    Callable[Concatenate[_Self, _First, _Fields], _Result],
]:
    """Let a method take the fields of a dataclass in place of its parameter `options`.

    In its docstring the parameter `options` is replaced by the parameters of the dataclass.
    """

    def decorate(
        method: Callable[[_Self, _First, _Options], _Result],
    ) -> Callable[Concatenate[_Self, _First, _Fields], _Result]:
        call: Any = expand(method, options=cls)
        expanded: Callable[Concatenate[_Self, _First, _Fields], _Result] = call
        return expanded

    return decorate


def expand(
    function: Callable[..., _Result], *, eval_str: bool = False, **groups: Callable[..., Any]
) -> Callable[..., _Result]:
    """Return a function that takes the fields of dataclasses in place of some parameters.

    Parameters
    ----------
    function : callable
    eval_str : bool
        Show annotations as types, and not as they are written.
    **groups : dataclass
        The class of each parameter to replace; its fields become keyword-only parameters there.
    """
    fields = {
        name: list(inspect.signature(cls, eval_str=eval_str).parameters.values())
        for name, cls in groups.items()
    }
    own = inspect.signature(function, eval_str=eval_str)
    shown: list[inspect.Parameter] = []
    for parameter in own.parameters.values():
        shown += fields.get(parameter.name, [parameter])
    signature = own.replace(parameters=shown)

    @wraps(function)
    def call(*args: Any, **named: Any) -> _Result:
        given = signature.bind(*args, **named).arguments
        made = {
            name: cls(**{f.name: given.pop(f.name) for f in fields[name] if f.name in given})
            for name, cls in groups.items()
        }
        return function(**given, **made)

    call.__doc__ = _described(function.__doc__, groups)
    call.__annotations__ = {p.name: p.annotation for p in shown} | {"return": own.return_annotation}
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _described(doc: str | None, groups: dict[str, Callable[..., Any]]) -> str | None:
    """Replace the lines `name : Class` of a docstring by the parameters of the class."""
    lines = inspect.cleandoc(doc or "").splitlines()
    for name, cls in groups.items():
        line = f"{name} : {getattr(cls, '__name__', '')}"
        if line in lines:
            at = lines.index(line)
            lines[at : at + 1] = _parameters(inspect.getdoc(cls) or "")
    return "\n".join(lines) or None


def _parameters(doc: str) -> list[str]:
    """Return the entries of the section `Parameters` of a docstring."""
    lines = doc.partition("Parameters\n----------\n")[2].splitlines()
    ends = [i - 1 for i, line in enumerate(lines) if line and set(line) == {"-"}]
    return "\n".join(lines[: ends[0] if ends else None]).rstrip().splitlines()
