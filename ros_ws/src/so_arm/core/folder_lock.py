"""One writer per folder: a lock that ends with the process which holds it, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from so_arm.core.errors import UserError

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


class FolderLock:
    """Taken by the constructor; UserError when another process has it."""

    _handle: int | None = None

    def __init__(self, root: Path) -> None:
        self._handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                self.release()
                raise UserError(f"{root} is being written by another process; wait for it, or stop it") from None
            # Some network file systems have no locks: then there is none.

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_being_written(root: Path) -> bool:
    """Whether a process that writes to the folder is alive."""
    try:
        FolderLock(root).release()
    except UserError:
        return True
    return False
