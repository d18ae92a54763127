"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["Path", "atomic_write", "check_place"]

Path = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is complete.

    The bytes go to a temporary name in the same folder; at the end of the ``with`` block they are
    synced to the disk and the file is renamed. On any exception, Ctrl-C included, the temporary
    file is removed and what stood at `path` stays as it was. Permissions are those that ``open``
    would give, and a symbolic link stays a link: its target is replaced.

    Parameters
    ----------
    path : str or path-like
        File to write. A device or pipe, which cannot be renamed to, gets the bytes at the end.

    Yields
    ------
    file : binary file object, readable, writeable and seekable

    Raises
    ------
    OSError
        If the file cannot be written, or `path` is a directory or write-protected.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from bigram.storage import atomic_write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(f"{folder}/a.txt") as file:
    ...         _ = file.write(b"whole")
    ...     pathlib.Path(folder, "a.txt").read_bytes()
    b'whole'
    """
    name = os.fspath(path)
    mode = check_place(name)
    if mode is not None and not stat.S_ISREG(mode):
        yield from _write_to_device(name)
        return
    target = os.path.realpath(name)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".bigram-{os.urandom(8).hex()}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, 0o666)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, name) from None
    try:
        with open(descriptor, "w+b") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def check_place(path: Path) -> int | None:
    """Return the mode of the file that stands at `path`, None if there is none.

    Work that takes long asks first whether its result can be written in the end.

    Raises
    ------
    OSError
        If no file can be written there: `path` is a directory or write-protected, or its folder
        is missing.
    """
    name = os.fspath(path)
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(os.path.realpath(name))):
            raise
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not os.access(name, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    return mode


def _sync_folder(folder: str) -> None:
    """Make a rename durable; some systems cannot open or sync a folder, and need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_to_device(name: str) -> Iterator[BinaryIO]:
    import shutil
    import tempfile

    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        with open(name, "wb") as device:
            shutil.copyfileobj(file, device)
