"""Writes a bag in a thread of its own, so that whoever receives messages never waits for the disk."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic

from so_arm.data.bags.writer import CHUNK_S, BagWriter

#: Messages that wait for the disk may take so much memory; more are lost, and counted.
MAX_WAITING_BYTES = 512 * 2**20


class WriterThread:
    """Hands messages to `writer` and closes it at the end; `on_error` is called from the thread, once.

    counts: messages taken per topic. lost: messages that the disk was too slow for, or that came after an error.
    """

    def __init__(self, writer: BagWriter, on_error: Callable[[Exception], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.lost = 0
        self._writer = writer
        self._on_error = on_error
        self._failed = False
        self._flush_due_s = monotonic() + CHUNK_S
        self._taken_bytes = 0  # by the receiver's thread
        self._written_bytes = 0  # by the writer's
        self._orders: queue.SimpleQueue[Callable[[], None] | tuple[str, int, bytes] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="bag writer", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._writer.size

    def add_topic(self, name: str, type: str, qos: str) -> None:
        self.counts[name] += 0
        self._orders.put(lambda: self._writer.add_topic(name, type, qos))

    def write(self, topic: str, log_ns: int, data: bytes) -> None:
        """Take a message; never waits."""
        if self._failed or self._taken_bytes - self._written_bytes > MAX_WAITING_BYTES:
            self.lost += 1
            return
        self._taken_bytes += len(data)
        self.counts[topic] += 1
        self._orders.put((topic, log_ns, data))

    def close(self) -> None:
        """Write what was taken and finish the bag; a second time changes nothing."""
        self._orders.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._writer:
                while self._obey():
                    pass
        except Exception as error:
            self._failed = True
            self._on_error(error)

    def _obey(self) -> bool:
        """Deal with what is next; False at the end."""
        try:
            order = self._orders.get(timeout=CHUNK_S)
        except queue.Empty:
            self._writer.flush()
            return True
        if order is None:
            return False
        if callable(order):
            order()
        else:
            self._writer.write(*order)
            self._written_bytes += len(order[2])
        if monotonic() >= self._flush_due_s:
            self._writer.flush()
            self._flush_due_s = monotonic() + CHUNK_S
        return True
