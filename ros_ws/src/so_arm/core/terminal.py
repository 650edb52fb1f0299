"""A terminal that gives keys at once, and is as it was whenever this process does not have it."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from contextlib import suppress
from types import FrameType
from typing import Any

from so_arm.core.errors import UserError


class KeyTerminal:
    """Keys of standard input without waiting for Enter; text on standard error. Open it in the main thread.

    Ctrl-C works as ever. Ctrl-Z gives the terminal back as it was found, and `fg` takes it again.
    """

    def __init__(self) -> None:
        self._input, self._output = sys.stdin.fileno(), sys.stderr
        self._found: list[Any] | None = None
        self._line = ""
        self._before: Any = None

    def open(self) -> None:
        if not os.isatty(self._input):
            raise UserError("there is no terminal to read keys from (standard input is none)")
        self._found = termios.tcgetattr(self._input)
        self._before = signal.signal(signal.SIGTSTP, self._suspend)
        self._take()

    def close(self) -> None:
        """Give it back; may be called again."""
        if self._found is not None:
            self._give_back()
            self._found = None
            signal.signal(signal.SIGTSTP, self._before)

    def keys(self) -> bytes:
        """What has been typed since the last call; empty when nothing was."""
        with suppress(OSError):  # the terminal was closed
            if select.select([self._input], [], [], 0.0)[0]:
                return os.read(self._input, 1024)
        return b""

    def show(self, line: str) -> None:
        """The last line of the screen, cut to its width."""
        line = line[: self._width() - 1]
        if line != self._line:
            self._line = line
            self._write(f"\r\x1b[K{line}")

    def say(self, text: str) -> None:
        """Lines above the last one."""
        self._write(f"\r\x1b[K{text}\n{self._line}")

    def _take(self) -> None:
        tty.setcbreak(self._input, termios.TCSADRAIN)

    def _give_back(self) -> None:
        # The shell may be in front already; what is put right for it must not stop us.
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        with suppress(OSError, termios.error):
            termios.tcflush(self._input, termios.TCIFLUSH)  # keys still held would be typed into the shell
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._found or [])
        self._write("\r\x1b[K")
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def _suspend(self, number: int, _: FrameType | None) -> None:
        """Ctrl-Z: stop as if nobody had caught it, and go on with `fg` as if nothing had been."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspend)
        if self._found is not None:
            self._take()
            self._write(f"\r\x1b[K{self._line}")

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._output.fileno()).columns or 80
        except OSError:
            return 80

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._output.write(text)
            self._output.flush()
