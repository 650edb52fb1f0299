"""One camera's newest JPEG, for however many connections watch it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import numpy as np


class JpegStream:
    """The newest JPEG of one camera, and those who watch it."""

    def __init__(self, name: str, source: Callable[[], np.ndarray]) -> None:
        self.name, self.source = name, source
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._number, self._jpeg = 0, b""

    @property
    def watched(self) -> bool:
        return bool(self._connections)

    def watch(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.add(connection)

    def leave(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.discard(connection)

    def watches(self, connection: socket.socket) -> bool:
        return connection in self._connections

    def put(self, jpeg: bytes) -> None:
        with self._changed:
            self._number, self._jpeg = self._number + 1, jpeg
            self._changed.notify_all()

    @property
    def number(self) -> int:
        return self._number

    def after(self, number: int, timeout_s: float) -> tuple[int, bytes] | None:
        """Number and JPEG of the newest frame once there is one after `number`; None when there is none in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._number > number, timeout_s):
                return None
            return self._number, self._jpeg

    def drop(self) -> None:
        """Breaks all connections."""
        with self._changed:
            for connection in self._connections:
                break_off(connection)
            self._connections.clear()


def break_off(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is broken already
        connection.shutdown(socket.SHUT_RDWR)
