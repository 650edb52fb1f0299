import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from so_arm.hardware.punctual import wake_punctually


def in_a_thread[T](call: Callable[[], T]) -> T:
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def of_this_thread(file: str) -> str:
    path = Path(f"/proc/{threading.get_native_id()}/{file}")
    if not path.exists():
        pytest.skip(f"this system has no {file}")
    return path.read_text()


def asked(file: str) -> str:
    wake_punctually()
    return of_this_thread(file)


def test_only_the_thread_that_asked_has_no_timer_slack():
    before = of_this_thread("timerslack_ns")
    assert int(in_a_thread(lambda: asked("timerslack_ns"))) == 1
    assert of_this_thread("timerslack_ns") == before


def test_only_the_thread_that_asked_has_a_short_slice():
    def slice_of(text: str) -> int:
        found = re.search(r"se\.slice\s*:\s*(\d+)", text)
        if found is None:
            pytest.skip("this kernel does not tell time slices")
        return int(found[1])

    before = slice_of(of_this_thread("sched"))
    assert slice_of(in_a_thread(lambda: asked("sched"))) <= before
    assert slice_of(of_this_thread("sched")) == before


def test_policy_and_niceness_stay():
    def both() -> tuple[int, int]:
        wake_punctually()
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

    before = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    assert in_a_thread(both) == before
