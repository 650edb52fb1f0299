"""Radians inside, LeRobot's degrees and 0..100 at the LeRobot edge.

LeRobot: body joints in degrees about the middle of the calibrated range, gripper 0 (closed) .. 100 (open).
LeRobot before 0.2 ("old"): degrees about the arm stretched out, lift and roll counted the other way; same gripper.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.joints import GRIPPER, GRIPPER_CLOSED_RAD, GRIPPER_OPEN_RAD, NUM_JOINTS

_SCALE = np.full(NUM_JOINTS, 180.0 / np.pi)
_SCALE[GRIPPER] = 100.0 / (GRIPPER_OPEN_RAD - GRIPPER_CLOSED_RAD)
_OFFSET = np.zeros(NUM_JOINTS)
_OFFSET[GRIPPER] = GRIPPER_CLOSED_RAD
# As `calibration_conversion` reads old calibrations: drive_mode 1 turns round, the middle of lift and elbow is 90.
_OLD_SIGN = np.array([1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
_OLD_MIDDLE = np.array([0.0, 90.0, 90.0, 0.0, 0.0, 0.0])


def lerobot_from_rad(position_rad: ArrayLike) -> np.ndarray:
    """Joint positions (..., 6) [rad] -> LeRobot units (..., 6): degrees, gripper 0..100."""
    return (np.asarray(position_rad, dtype=np.float64) - _OFFSET) * _SCALE


def rad_from_lerobot(position: ArrayLike) -> np.ndarray:
    """LeRobot units (..., 6): degrees, gripper 0..100 -> joint positions (..., 6) [rad]."""
    return np.asarray(position, dtype=np.float64) / _SCALE + _OFFSET


def old_lerobot_from_rad(position_rad: ArrayLike) -> np.ndarray:
    """Joint positions (..., 6) [rad] -> units of LeRobot before 0.2 (..., 6): old degrees, gripper 0..100."""
    return lerobot_from_rad(position_rad) * _OLD_SIGN + _OLD_MIDDLE


def rad_from_old_lerobot(position: ArrayLike) -> np.ndarray:
    """Units of LeRobot before 0.2 (..., 6): old degrees, gripper 0..100 -> joint positions (..., 6) [rad]."""
    return rad_from_lerobot((np.asarray(position, dtype=np.float64) - _OLD_MIDDLE) * _OLD_SIGN)
