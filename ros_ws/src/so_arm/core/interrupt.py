"""Ctrl-C at a moment when it does no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

ASKS_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let every signal that asks this program to end wait until the block is over, unless the block raised itself.

    For blocks that are short and have to be done whole or not at all. A signal that no Python code answers (ignored,
    or left to the system) stays as it is. Python delivers signals to the main thread only; in any other there is
    nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted: list[tuple[int, FrameType | None]] = []
    answers = {number: answer for number in ASKS_TO_END if callable(answer := signal.getsignal(number))}
    for number in answers:
        signal.signal(number, lambda number, frame: wanted.append((number, frame)))
    try:
        yield
    finally:
        for number, answer in answers.items():
            signal.signal(number, answer)
    for signalled, frame in wanted[:1]:
        answers[signal.Signals(signalled)](signalled, frame)


@contextmanager
def children_deaf_to_interrupt() -> Iterator[None]:
    """Processes that are started in the block never see Ctrl-C, not even while they import: this one ends them."""
    resource_tracker.ensure_running()  # or the first process starts it, which unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
