"""30 Hz control on 2 ms physics: 50 physics steps every three control ticks."""

from __future__ import annotations

CONTROL_HZ = 30
PHYSICS_STEP_S = 0.002
CONTROL_PERIOD_S = 1.0 / CONTROL_HZ


def substeps(tick: int) -> int:
    """Physics steps of control tick `tick`: 16, 17, 17, ... so that the mean rate is 30 Hz exactly."""
    return (tick + 1) * 50 // 3 - tick * 50 // 3


def tick_stamp_ns(tick: int) -> int:
    """Stamp of the observation before control tick `tick`, counted from the episode start [ns]."""
    return (tick * 1_000_000_000 + CONTROL_HZ // 2) // CONTROL_HZ
