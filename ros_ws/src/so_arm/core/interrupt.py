"""Ctrl-C at a moment when it does no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block is over; then KeyboardInterrupt is raised, unless the block raised itself.

    For blocks that are short and have to be done whole or not at all. Python delivers signals to the main thread
    only; in any other there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: wanted.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if wanted:
        raise KeyboardInterrupt


@contextmanager
def children_deaf_to_interrupt() -> Iterator[None]:
    """Processes that are started in the block never see Ctrl-C, not even while they import: this one ends them."""
    resource_tracker.ensure_running()  # or the first process starts it, which unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
