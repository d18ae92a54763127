"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from bigram.common.types import StrPath

if sys.platform != "win32":
    import fcntl

__all__ = ["atomic_write", "check_writable", "remove_leftovers", "temporary_folder"]

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextlib.contextmanager
def atomic_write(path: StrPath) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is complete.

    The bytes go to a temporary name in the same folder; at the end of the ``with`` block they are
    synced to the disk and the file is renamed. On any exception, Ctrl-C included, the temporary
    file is removed and what stood at `path` stays as it was. A process that is killed leaves it
    behind, as ``.bigram-*.tmp``; the next one that writes to `path` removes it (not on Windows, nor
    on file systems without locks). Permissions are those that ``open`` would give, and a symbolic
    link stays a link: its target is replaced.

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
    >>> from bigram.storage.atomic import atomic_write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(f"{folder}/a.txt") as file:
    ...         _ = file.write(b"whole")
    ...     pathlib.Path(folder, "a.txt").read_bytes()
    b'whole'
    """
    name = os.fspath(path)
    mode = check_writable(name)
    if mode is not None and not stat.S_ISREG(mode):
        yield from _write_to_device(name)
        return
    target = os.path.realpath(name)
    with _beside(name, _make_file) as temporary:
        # Outside of `open`, whose end writes what is buffered and may fail again.
        with _naming(name), open(temporary, "r+b") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    _sync_folder(os.path.dirname(target))


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name the file in the errors of a full disk, which say only that there is no space."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _NO_SPACE:
            error.filename = name
        raise


@contextlib.contextmanager
def temporary_folder(path: StrPath) -> Iterator[str]:
    """Make a folder beside the file at `path`, and remove it with all that is in it at the end.

    Where a process is killed, it is removed as the temporary file of `atomic_write` is.
    """
    with _beside(os.fspath(path), _make_folder) as folder:
        yield folder


def remove_leftovers(path: StrPath) -> None:
    """Remove temporary files and folders beside `path` whose writers were killed.

    A writer holds a lock on its own for as long as it lives.
    """
    folder, start = os.path.split(_leftover(os.path.realpath(path)))
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(start):
                _remove_if_left(os.path.join(folder, name))


def _remove_if_left(temporary: str) -> None:
    lock = _lock(temporary, wait=False)
    if lock is not None:
        try:
            _remove(temporary)
        finally:
            os.close(lock)


@contextlib.contextmanager
def _beside(name: str, make: Callable[[str], None]) -> Iterator[str]:
    """Make a temporary file or folder beside the file `name`; at the end it is removed, if there.

    It is locked for as long as its writer lives, so a temporary without a lock has none. Between
    making and locking it, another writer may take it for a leftover and remove it; then this one
    makes another.
    """
    remove_leftovers(name)
    target = os.path.realpath(name)
    while True:
        temporary = f"{_leftover(target)}{os.urandom(8).hex()}.tmp"
        try:
            make(temporary)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, name) from None
        lock = _lock(temporary, wait=True)
        if os.path.lexists(temporary):
            break
        if lock is not None:
            os.close(lock)
    try:
        yield temporary
    finally:
        _remove(temporary)
        if lock is not None:
            os.close(lock)


def _leftover(target: str) -> str:
    """Return the path that the temporaries of a file begin with."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".bigram-{zlib.crc32(os.fsencode(name)):08x}-")


def _lock(path: str, *, wait: bool) -> int | None:
    """Open and lock a file or folder; None if it is locked already, or without file locks."""
    if sys.platform == "win32":
        return None
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _make_file(path: str) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))


def _make_folder(path: str) -> None:
    os.mkdir(path, 0o700)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path):
            import shutil

            shutil.rmtree(path)
        else:
            os.unlink(path)


def check_writable(path: StrPath) -> int | None:
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
