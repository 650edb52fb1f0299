"""The control clock, 30 Hz with stamps counted from the episode start; and the clock of stamps on a real arm."""

from __future__ import annotations

import time

CONTROL_HZ = 30
CONTROL_PERIOD_S = 1.0 / CONTROL_HZ


def tick_stamp_ns(tick: int) -> int:
    """Stamp of the observation before control tick `tick`, counted from the episode start [ns]."""
    return (tick * 1_000_000_000 + CONTROL_HZ // 2) // CONTROL_HZ


# Small boards set their date when the network comes, in mid-run. A stamp that followed it would make one node's fresh
# command another one's message from the future; nodes that start together take the date together.
_DATE_OFFSET_NS = time.time_ns() - time.monotonic_ns()


def date_ns() -> int:
    """Date for stamps [ns], as it was at the start of this process plus the time since: it never jumps."""
    return date_of(time.monotonic_ns())


def date_of(monotonic_ns: int) -> int:
    """`date_ns` of a moment on ``time.monotonic_ns``."""
    return monotonic_ns + _DATE_OFFSET_NS
