"""Lines from the keyboard or a pipe, waited for or merely looked for."""

from __future__ import annotations

import os
import select
import sys

from so_arm.core.errors import UserError


class LineInput:
    """Standard input. Python's own would hold lines back that `ready` has to see."""

    def __init__(self) -> None:
        self._buffer = b""
        self._ended = False

    def wait(self, purpose: str) -> str:
        """The next line, without its end; UserError that names `purpose` when there will be none."""
        while (line := self.ready(60.0, purpose)) is None:
            pass
        return line

    def ready(self, timeout_s: float, purpose: str) -> str | None:
        """The next line if it comes within `timeout_s`."""
        if b"\n" not in self._buffer and not self._ended:
            self._receive(timeout_s)
        if b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            return line.decode(errors="replace").strip()
        if self._ended:
            raise UserError(f"the input ended before {purpose}")
        return None

    def _receive(self, timeout_s: float) -> None:
        try:
            descriptor = sys.stdin.fileno()
            if select.select((descriptor,), (), (), timeout_s)[0]:
                data = os.read(descriptor, 4096)
                self._buffer += data
                self._ended = not data
        except (AttributeError, OSError, ValueError):  # standard input is closed
            self._ended = True
