"""The name under which an emulated port is found: a link to its terminal, which one emulator at a time may have."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.core.files import creating


class PortName:
    """`path` is this emulator's between `claim` and `release`, also while nothing is there.

    A lock file beside it says so. The system takes the lock off an emulator that was killed, and the file that stays
    tells that the link was an emulator's: its terminal may be that of somebody else by now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock_path = path.parent / f".{path.name}.lock"  # a path like / has no name
        self._lock = -1
        self._terminal = ""

    def claim(self) -> None:
        """UserError when another emulator has the name, or something else is there."""
        with creating(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            had_lock = self._lock_path.exists()
            self._take_lock()
        dead = self._path.is_symlink() and (had_lock or not self._path.exists())
        if os.path.lexists(self._path) and not dead:
            self.release()
            raise UserError(f"{self._path} exists; choose another place for the emulated port")

    def show(self, terminal: str) -> None:
        """The link, in the place of a dead one."""
        fresh = self._path.parent / f".{self._path.name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(terminal)
        fresh.replace(self._path)
        self._terminal = terminal

    def hide(self) -> None:
        """No link, unless somebody has put another one there."""
        with suppress(OSError):
            if self._terminal and str(self._path.readlink()) == self._terminal:
                self._path.unlink()
        self._terminal = ""

    def release(self) -> None:
        if self._lock >= 0:
            self._lock_path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1

    def _take_lock(self) -> None:
        while True:
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise UserError(f"{self._path} is in use by another emulator; end that, or choose another") from None
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), self._lock_path.stat()):
                    self._lock = lock
                    return
            os.close(lock)  # of one that ended just now and took the file with it
