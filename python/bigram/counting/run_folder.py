"""The folder beside a checkpoint with the sorted runs of a count: nothing else in it is touched."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Collection

__all__ = ["RunFolder", "is_run"]

_MARK = "made-by-bigram"
_RUN = re.compile(r"run-\d{6,12}")
_TEMPORARY = re.compile(r"\.bigram-[0-9a-f]{8}-[0-9a-f]{16}\.tmp")


def is_run(name: object) -> bool:
    """Return whether a name is that of a run: no path leads out of the folder."""
    return isinstance(name, str) and _RUN.fullmatch(name) is not None


class RunFolder:
    """A folder that a count makes, and removes with what it wrote into it.

    A file in it marks it. A folder of this name without the mark is somebody else's, unless it is
    empty.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def check(self) -> None:
        """Raise OSError if there is something of this name that no count has made."""
        if not os.path.lexists(self.path):
            return
        is_ours = os.path.isdir(self.path) and not os.path.islink(self.path)
        if not is_ours or (os.listdir(self.path) and not self._is_marked()):
            message = "exists and was not made by a count, wanted this name for sorted runs"
            raise FileExistsError(errno.EEXIST, message, self.path)

    def make(self, *, adopt: bool = False) -> None:
        """Make the folder, if it is not there yet, and mark it, or one that is known to be ours."""
        if not self._is_marked():
            if not adopt:
                self.check()
            os.makedirs(self.path, exist_ok=True)
            with open(os.path.join(self.path, _MARK), "wb"):
                pass

    def keep(self, runs: Collection[str]) -> None:
        """Remove what counts have written here, except these runs."""
        if not self._is_marked():
            return
        import shutil  # takes 3 ms

        for name in os.listdir(self.path):
            if name not in runs and (is_run(name) or name == "total" or _TEMPORARY.fullmatch(name)):
                path = os.path.join(self.path, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def remove(self) -> None:
        """Remove the folder; what others have put into it stays, and so does the folder then."""
        with contextlib.suppress(OSError):
            self.keep(())
            if os.listdir(self.path) == [_MARK]:
                os.unlink(os.path.join(self.path, _MARK))
                os.rmdir(self.path)

    def _is_marked(self) -> bool:
        return os.path.isfile(os.path.join(self.path, _MARK))
