import os
import threading
from pathlib import Path

import pytest

from so_arm.hardware.punctual import DRIVER_PRIORITY, keep_time


def test_only_the_thread_that_asked_wakes_punctually():
    own = Path(f"/proc/{threading.get_native_id()}/timerslack_ns")
    before, seen = own.read_text(), []

    def ask() -> None:
        keep_time(DRIVER_PRIORITY)
        seen.append(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert int(seen[0]) <= 1  # real-time threads have none at all
    assert own.read_text() == before


def test_a_thread_runs_before_normal_ones_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, int]] = []
    before = os.sched_getscheduler(0)

    def ask() -> None:
        seen.append((keep_time(DRIVER_PRIORITY), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK))

    for _ in range(2):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        monkeypatch.setattr(os, "sched_setscheduler", _not_permitted)

    assert seen[0] in ((True, os.SCHED_FIFO), (False, before))
    assert seen[1] == (False, before)
    assert os.sched_getscheduler(0) == before


def _not_permitted(*_: object) -> None:
    raise PermissionError
