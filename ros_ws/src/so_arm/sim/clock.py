"""30 Hz control on 2 ms physics: 50 physics steps every three control ticks."""

from __future__ import annotations

PHYSICS_STEP_S = 0.002


def substeps(tick: int) -> int:
    """Physics steps of control tick `tick`: 16, 17, 17, ... so that the mean rate is 30 Hz exactly."""
    return (tick + 1) * 50 // 3 - tick * 50 // 3
