"""Threads that run when their time has come, on a machine that does other things too; without any privilege.

Linux lets sleeps end up to 50 us late to save power, and lets a thread that computes use up its time slice (some ms)
before one that wakes gets the core. Both are asked for per thread, and ignored where the kernel does not know them.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from contextlib import suppress
from pathlib import Path

#: The shortest there is [ns]. Linux 6.12 and newer: one that wakes goes before those with longer slices.
_SLICE_NS = 100_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}


class _SchedAttr(ctypes.Structure):
    """struct sched_attr, first version."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def wake_punctually() -> None:
    """Has the calling thread wake on time from now on. Its share of the core does not grow."""
    with suppress(OSError):
        Path(f"/proc/{threading.get_native_id()}/timerslack_ns").write_text("1")
    # Whoever gave it a real-time policy meant it.
    if os.sched_getscheduler(0) == os.SCHED_OTHER and platform.machine() in _SCHED_SETATTR:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wish = _SchedAttr(ctypes.sizeof(_SchedAttr), os.SCHED_OTHER, 0, nice, 0, _SLICE_NS, 0, 0)
        ctypes.CDLL(None).syscall(_SCHED_SETATTR[platform.machine()], 0, ctypes.byref(wish), 0)
