"""Threads that run when it is time to, whatever else the machine does."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

#: Servos wait for nobody, so emulated ones come before the driver. Both leave room above for the system's own.
DRIVER_PRIORITY, SERVOS_PRIORITY = 20, 25


def keep_time(priority: int) -> bool:
    """Has the calling thread run before all normal ones, and its sleeps end up to 50 us earlier.

    priority: 1..99 among real-time threads (SCHED_FIFO). Returns False, and the thread stays a normal one, where the
    system does not permit it: that takes root, or an `rtprio` limit of at least `priority`.
    """
    with suppress(OSError):
        Path(f"/proc/{threading.get_native_id()}/timerslack_ns").write_text("1")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except PermissionError:
        return False
    return True
