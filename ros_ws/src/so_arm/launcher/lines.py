"""Turns the bytes of a pipe into lines as they come."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO

_CHUNK = 65536


class LineReader:
    """Reads a pipe without ever waiting and passes whole lines on; the last one also without its line feed."""

    def __init__(self, pipe: IO[bytes], emit: Callable[[str], None]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self.emit = emit
        self._rest = b""

    def read(self) -> bool:
        """Take what is there now; False when the other side has closed."""
        return self._take() != b""

    def close(self) -> None:
        """Take what is left and close, even if others still hold the pipe open."""
        while self._take():
            pass
        if self._rest:
            self._pass_on(self._rest)
        self.pipe.close()

    def _take(self) -> bytes | None:
        """One read; None when nothing is there yet."""
        try:
            data = os.read(self.pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._pass_on(line)
        return data

    def _pass_on(self, line: bytes) -> None:
        self.emit(line.decode(errors="replace").rstrip("\r"))
