"""A file opened once, so that all that is read of it is of one version."""

from __future__ import annotations

import errno
import os
import stat
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from bigram.common.types import StrPath

__all__ = ["StoredFile"]

_CHUNK = 1 << 22  # bytes read at a time
_MOST_HELD = 128  # files held open: a merge may have thousands, a process has few descriptors
# A pipe is opened without waiting for its writer, to be refused.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_held: set[int] = set()
_lock = threading.Lock()


class StoredFile:
    """A regular file whose bytes are of the version that was opened, whatever takes its name later.

    Its descriptor is held. Where very many files are in use, the later ones are opened again for
    each read, and one that was replaced meanwhile is an error.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        If the file cannot be opened, or is not a regular file.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = os.fspath(path)
        descriptor = os.open(self.path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", self.path)
            self.size = status.st_size
            self._version = _version(status)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor if _hold(descriptor) else None
        if self._descriptor is None:
            os.close(descriptor)
        else:
            weakref.finalize(self, _release, descriptor)

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """Yield a descriptor of the file; its position is nobody's."""
        if self._descriptor is not None:
            yield self._descriptor
            return
        descriptor = os.open(self.path, _FLAGS)
        try:
            if _version(os.fstat(descriptor)) != self._version:
                raise ValueError(f"{self.path}: replaced while it was read")
            yield descriptor
        finally:
            os.close(descriptor)

    def read_into(self, target: memoryview, offset: int) -> None:
        """Fill `target` with the bytes from `offset` on; ValueError if the file ends before."""
        with self.descriptor() as descriptor:
            while target:
                num_bytes = _read_at(descriptor, target[:_CHUNK], offset)
                if not num_bytes:
                    raise ValueError(f"{self.path}: truncated while it was read")
                target, offset = target[num_bytes:], offset + num_bytes


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read_at(descriptor: int, target: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [target], offset)
    with _lock:
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = os.read(descriptor, len(target))
    target[: len(data)] = data
    return len(data)


def _hold(descriptor: int) -> bool:
    """Return whether the file may be held open: not where very many are."""
    if len(_held) < _MOST_HELD:
        _held.add(descriptor)
    return descriptor in _held


def _release(descriptor: int) -> None:
    _held.discard(descriptor)
    os.close(descriptor)
