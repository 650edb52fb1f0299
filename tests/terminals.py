"""Programs on a terminal of their own."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import threading
from pathlib import Path

#: A shell with job control: Ctrl-Z brings it back, a line makes it say `fg`.
SHELL = 'set -m; "$@"; echo "[shell] stopped"; read -r; fg >/dev/null; echo "[shell] exit code $?"; read -r'


class Terminal:
    """A pseudo-terminal, and a shell in it that runs a program in its foreground."""

    def __init__(self, *command: str) -> None:
        self._master, self._slave = os.openpty()
        self.found = termios.tcgetattr(self._slave)
        self.text = ""
        self.process = subprocess.Popen(
            ["bash", "-c", SHELL, "bash", sys.executable, *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    @property
    def is_as_found(self) -> bool:
        return termios.tcgetattr(self._slave)[3] == self.found[3]

    def program(self) -> int:
        """Process id of the program."""
        return self._children()[0]

    def close(self) -> None:
        for pid in (*self._children(), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self._stopping = True
        self._thread.join(10)
        os.close(self._master)
        os.close(self._slave)

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def _read(self) -> None:
        while not self._stopping:
            if select.select([self._master], [], [], 0.1)[0]:
                self.text += os.read(self._master, 65536).decode(errors="replace")
