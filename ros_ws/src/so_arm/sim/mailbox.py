"""Commands and requests handed from other threads to the thread that runs the simulation."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from enum import Enum
from typing import NamedTuple

import numpy as np

from so_arm.core.errors import UserError

REQUEST_TIMEOUT_S = 30.0


class Command(NamedTuple):
    """A command as it arrived."""

    stamp_ns: int  #: of the observation it answers
    position: np.ndarray | None  #: (6,) [rad]; None: refused, the arm holds
    arrived_ns: int  #: time.perf_counter_ns


class Woken(Enum):
    """Why `Mailbox.wait` returned."""

    ANSWERED = "the awaited command came"
    SERVED = "requests were served"
    TIMED_OUT = "time is up"
    CLOSED = "the mailbox was closed"


class Mailbox:
    """The newest command counts; requests are served one by one in the waiting thread."""

    def __init__(self) -> None:
        self.newest: Command | None = None
        self.closed = False
        self._changed = threading.Condition()
        self._requests: deque[tuple[Callable[[], str], Future[str]]] = deque()
        self._awaited_ns: int | None = None

    def put(self, command: Command) -> None:
        with self._changed:
            self.newest = command
            if command.stamp_ns == self._awaited_ns:
                self._changed.notify()

    def request(self, action: Callable[[], str]) -> str:
        """Have `action` run in the waiting thread; returns what it returns, raises what it raises."""
        done: Future[str] = Future()
        with self._changed:
            self._requests.append((action, done))
            self._changed.notify()
        try:
            return done.result(timeout=REQUEST_TIMEOUT_S)
        except TimeoutError:
            raise UserError("the simulation does not answer") from None

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify()

    def wait(self, until_s: float | None, stamp_ns: int | None = None) -> Woken:
        """Wait for the command stamped `stamp_ns`, requests (which are served), or ``perf_counter() == until_s``."""
        with self._changed:
            self._awaited_ns = stamp_ns
            while True:
                if self.closed:
                    return Woken.CLOSED
                if self._requests:
                    break
                if stamp_ns is not None and self.newest is not None and self.newest.stamp_ns == stamp_ns:
                    return Woken.ANSWERED
                left = None if until_s is None else until_s - time.perf_counter()
                if left is not None and left <= 0:
                    return Woken.TIMED_OUT
                self._changed.wait(left)
            action, done = self._requests.popleft()
        try:
            done.set_result(action())
        except Exception as error:
            done.set_exception(error)
            if not isinstance(error, UserError):
                raise
        return Woken.SERVED
