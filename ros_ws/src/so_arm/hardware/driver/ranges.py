"""Joints that stand outside of their calibrated range: with torque their servos would throw them back into it."""

from __future__ import annotations

from collections.abc import Sequence

from so_arm.core.calibration import Calibration

#: Nearer to the range the servo's own way back is short.
_OUTSIDE_TICKS = 60


class CalibratedRanges:
    def __init__(self, calibration: Calibration) -> None:
        self._ranges = [(joint.range_min, joint.range_max) for joint in calibration.in_order()]

    def outside(self, ticks: Sequence[int]) -> list[int]:
        """Indices of joints that are too far outside for torque; ticks: (6,) as read."""
        ends = enumerate(zip(ticks, self._ranges, strict=True))
        return [
            joint for joint, (tick, (low, high)) in ends if not low - _OUTSIDE_TICKS <= tick <= high + _OUTSIDE_TICKS
        ]
