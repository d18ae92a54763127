"""The progress bar: tqdm's on standard error, or none."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, cast

__all__ = ["Progress", "progress"]


class Progress(Protocol):
    """What a loop may say about how far it is."""

    def update(self, n: float = 1) -> object:
        """Advance by `n` units."""

    def set_postfix(self, text: str) -> object:
        """Show a short text after the bar, such as the latest loss."""

    def __enter__(self) -> Progress: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class _Silent:
    """A progress bar that shows nothing."""

    def update(self, n: float = 1) -> None:
        pass

    def set_postfix(self, text: str) -> None:
        pass

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


def progress(
    description: str,
    *,
    total: float | None = None,
    enabled: bool = False,
    unit: str = "it",
    unit_scale: bool = False,
) -> Progress:
    """Open a progress bar for a ``with`` block.

    Parameters
    ----------
    description : str
        What is being done; stands before the bar.
    total : float or None
        Units in all; None where that is not known.
    enabled : bool
        False gives an object that does nothing, and tqdm is not imported.
    unit : str
        Name of one unit, such as ``"B"``.
    unit_scale : bool
        Write thousands as k, millions as M.

    Returns
    -------
    Progress
        Context manager with ``update(n=1)`` and ``set_postfix(text)``.

    Examples
    --------
    >>> from bigram.common.progress import progress
    >>> with progress("counting", total=3) as bar:
    ...     for _ in range(3):
    ...         bar.update()
    """
    if not enabled:
        return _Silent()
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg,misc,unused-ignore]
        # tqdm's own set_postfix takes a dict, and formats it.
        def set_postfix(self, text: str) -> None:
            self.set_postfix_str(text)

    bar = Bar(desc=description, total=total, unit=unit, unit_scale=unit_scale, leave=False)
    return cast(Progress, bar)
