"""Jobs for worker processes, which import this file by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from so_arm.core.errors import UserError


def counter() -> Callable[[object], tuple[int, int, int]]:
    """Twice the job, by which process, and which of its jobs it was."""
    done = 0

    def do(job: object) -> tuple[int, int, int]:
        nonlocal done
        if job == "user":
            raise UserError("not like that")
        if job == "ours":
            raise ValueError("oh dear")
        if job == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job == "end":
            os._exit(3)
        if job == "sleep":
            time.sleep(1000)
        assert isinstance(job, int)
        done += 1
        return 2 * job, os.getpid(), done

    return do


def broken() -> Callable[[object], object]:
    raise UserError("no such policy")


def large() -> Callable[[object], bytes]:
    """More than fits into a pipe."""
    return lambda job: bytes(10_000_000)
