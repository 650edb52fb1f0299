"""The physics of an arm without torque that somebody leads by hand: a leader arm."""

from __future__ import annotations

import math

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech.plant import Motion

#: Faster than that nobody leads an arm that records something.
HAND_RAD_S = 3.0
#: Joints follow the hand like the compliant thing that an arm is.
TIME_CONSTANT_S = 0.04


class LedArm:
    """A `Plant`. `calibration` says which encoder tick of each servo is which angle; the arm begins at `position`.

    `hand` (6,) [rad] is where the hand leads the joints; another thread may set it at any time.
    """

    def __init__(self, calibration: Calibration, position: np.ndarray) -> None:
        self.hand = np.array(position, dtype=np.float64)
        self._scale = TickScale(calibration)
        self._offset = np.array([joint.homing_offset for joint in calibration.in_order()])
        self._position = self.hand

    @property
    def position(self) -> np.ndarray:
        """(6,) [rad], where the joints are."""
        return self._position

    def __call__(self, goal: np.ndarray, torque: np.ndarray, dt_s: float) -> Motion:
        """One step of `dt_s`. Goals and torque of the servos mean nothing to a hand."""
        share = 1.0 - math.exp(-dt_s / TIME_CONSTANT_S)
        step = np.minimum(np.maximum((self.hand - self._position) * share, -HAND_RAD_S * dt_s), HAND_RAD_S * dt_s)
        self._position = self._position + step
        shaft = self._scale.exact_ticks_from_rad(self._position) + self._offset
        return Motion(shaft, self._scale.ticks_s_from_rad_s(step / dt_s), np.zeros(len(shaft)))
