import threading
from pathlib import Path

import pytest

from so_arm.hardware.punctual import wake_punctually


def test_only_the_thread_that_asked_wakes_punctually():
    own = Path(f"/proc/{threading.get_native_id()}/timerslack_ns")
    if not own.exists():
        pytest.skip("this system has no timer slack")
    before, seen = own.read_text(), []

    def ask() -> None:
        wake_punctually()
        seen.append(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert int(seen[0]) == 1
    assert own.read_text() == before
