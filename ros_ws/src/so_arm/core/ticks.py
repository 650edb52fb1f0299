"""Ticks of the servos <-> radians <-> LeRobot's units, for one calibrated arm.

Body joints: radians(LeRobot degrees), zero in the middle of the range, growing with the ticks; drive_mode has no say.
Gripper: its range is 0..100, which is -0.174533..1.74533 rad; drive_mode 1 turns it round. All arrays are
(..., 6) in ``JOINT_NAMES`` order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.calibration import MAX_TICK, RAD_PER_TICK, Calibration
from so_arm.core.errors import SoArmError
from so_arm.core.joints import GRIPPER, GRIPPER_CLOSED_RAD, GRIPPER_OPEN_RAD, NUM_JOINTS

_IS_GRIPPER = np.arange(NUM_JOINTS) == GRIPPER


class TickScale:
    """Converts positions and velocities of the arm that `calibration` describes.

    `lower_rad` and `upper_rad` (6,) are the ends of its range. Radians are a straight line through the ticks and tell
    the truth beyond the ends too; LeRobot's 0..100 and -100..100 stop at the ends, its degrees do not.
    """

    def __init__(self, calibration: Calibration) -> None:
        joints = calibration.in_order()
        self._low = np.array([joint.range_min for joint in joints])
        self._high = np.array([joint.range_max for joint in joints])
        self._middle = np.array([joint.middle for joint in joints])
        self._driven = np.array([bool(joint.drive_mode) for joint in joints])
        self._rad_per_tick = np.full(NUM_JOINTS, RAD_PER_TICK)
        opening = (GRIPPER_OPEN_RAD - GRIPPER_CLOSED_RAD) / joints[GRIPPER].span
        self._rad_per_tick[GRIPPER] = -opening if self._driven[GRIPPER] else opening
        self._zero = self._middle.copy()
        closed_end = (self._high if self._driven[GRIPPER] else self._low)[GRIPPER]
        self._zero[GRIPPER] = closed_end - GRIPPER_CLOSED_RAD / self._rad_per_tick[GRIPPER]
        ends = np.sort([self.rad_from_ticks(self._low), self.rad_from_ticks(self._high)], axis=0)
        # By definition, and without a rounding error that would make 0 % lie outside.
        ends[:, GRIPPER] = GRIPPER_CLOSED_RAD, GRIPPER_OPEN_RAD
        ends.setflags(write=False)
        self.lower_rad, self.upper_rad = ends

    def rad_from_ticks(self, ticks: ArrayLike) -> np.ndarray:
        """Positions as read [ticks] -> [rad]."""
        return (np.asarray(ticks) - self._zero) * self._rad_per_tick

    def ticks_from_rad(self, position_rad: ArrayLike) -> np.ndarray:
        """Goals [rad] -> nearest ticks (int), held within the calibrated range as the servo itself would."""
        goal = _finite(position_rad) / self._rad_per_tick + self._zero
        return np.rint(np.clip(goal, self._low, self._high)).astype(np.int64)

    def exact_ticks_from_rad(self, position_rad: ArrayLike) -> np.ndarray:
        """Where a shaft is [rad] -> ticks, with their fraction and beyond the range too."""
        return np.asarray(position_rad) / self._rad_per_tick + self._zero

    def ticks_s_from_rad_s(self, velocity: ArrayLike) -> np.ndarray:
        """Velocities [rad/s] -> [ticks/s]."""
        return np.asarray(velocity) / self._rad_per_tick

    def rad_s_from_ticks_s(self, velocity: ArrayLike) -> np.ndarray:
        """Velocities as read [ticks/s] -> [rad/s]."""
        return np.asarray(velocity) * self._rad_per_tick

    def lerobot_from_ticks(self, ticks: ArrayLike, use_degrees: bool = True) -> np.ndarray:
        """Positions as read [ticks] -> the very numbers LeRobot gives: degrees or -100..100, gripper 0..100."""
        raw = np.asarray(ticks)
        part = (np.clip(raw, self._low, self._high) - self._low) / (self._high - self._low)
        gripper = np.where(self._driven, 100 - part * 100, part * 100)
        if use_degrees:
            return np.where(_IS_GRIPPER, gripper, (raw - self._middle) * 360 / MAX_TICK)
        body = part * 200 - 100
        return np.where(_IS_GRIPPER, gripper, np.where(self._driven, -body, body))

    def ticks_from_lerobot(self, position: ArrayLike, use_degrees: bool = True) -> np.ndarray:
        """Goals in LeRobot's units -> the very ticks (int) LeRobot sends; like LeRobot it drops the fraction."""
        value = _finite(position)
        part = np.clip(np.where(self._driven, 100 - value, value), 0.0, 100.0) / 100
        gripper = part * (self._high - self._low) + self._low
        if use_degrees:
            body = value * MAX_TICK / 360 + self._middle
        else:
            part = (np.clip(np.where(self._driven, -value, value), -100.0, 100.0) + 100) / 200
            body = part * (self._high - self._low) + self._low
        return np.where(_IS_GRIPPER, gripper, body).astype(np.int64)


def _finite(position: ArrayLike) -> np.ndarray:
    values = np.asarray(position, dtype=np.float64)
    if not np.isfinite(values).all():
        raise SoArmError(f"a goal that is not finite has no ticks: {values}")
    return values
