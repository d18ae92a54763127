"""Optional packages: where one is missing, the error names the extra that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs"]


@contextmanager
def needs(package: str, *, extra: str, purpose: str) -> Iterator[None]:
    """Import an optional package in a ``with`` block.

    The block holds the import statement itself, so that type checkers and import-linter see it.

    Parameters
    ----------
    package : str
        The package that is imported.
    extra : str
        The extra of bigram that installs it.
    purpose : str
        What it is needed for; opens the message.

    Raises
    ------
    ImportError
        If the import fails.

    Examples
    --------
    >>> with needs("a_package", extra="parquet", purpose="reading Parquet"):
    ...     import a_package
    Traceback (most recent call last):
    ImportError: reading Parquet needs a_package: pip install "bigram[parquet]"
    """
    try:
        yield
    except ImportError as error:
        message = f'{purpose} needs {package}: pip install "bigram[{extra}]"'
        raise ImportError(message, name=package) from error
