"""The control clock: 30 Hz, stamps counted from the episode start."""

from __future__ import annotations

CONTROL_HZ = 30
CONTROL_PERIOD_S = 1.0 / CONTROL_HZ


def tick_stamp_ns(tick: int) -> int:
    """Stamp of the observation before control tick `tick`, counted from the episode start [ns]."""
    return (tick * 1_000_000_000 + CONTROL_HZ // 2) // CONTROL_HZ
