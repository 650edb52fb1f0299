"""What other threads want done in the bus thread."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from so_arm.core.errors import UserError


class Requests:
    """`ask` and `begin` from any thread; the bus thread calls `serve` before each cycle and `close` at its end.

    Every future is answered: with a result, or with UserError and the reason why not.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Callable[[Future[Any]], object], Future[Any]]] = queue.SimpleQueue()
        self._closed = False

    def ask[Result](self, action: Callable[[], Result]) -> Future[Result]:
        """Gets what `action` returns."""
        return self.begin(lambda answer: answer.set_result(action()))

    def begin[Result](self, action: Callable[[Future[Result]], object]) -> Future[Result]:
        """The same for an action that answers later."""
        answer: Future[Result] = Future()
        self._waiting.put((action, answer))
        if self._closed:
            self._refuse()
        return answer

    def serve(self) -> None:
        while not self._waiting.empty():
            action, answer = self._waiting.get()
            try:
                action(answer)
            except UserError as error:
                answer.set_exception(error)

    def close(self) -> None:
        """Nothing is served any more."""
        self._closed = True
        self._refuse()

    def _refuse(self) -> None:
        with suppress(queue.Empty):
            while True:
                _, answer = self._waiting.get_nowait()
                answer.set_exception(UserError("the driver has ended"))
