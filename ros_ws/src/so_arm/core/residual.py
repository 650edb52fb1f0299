"""The bounded residual: how a correction is added to a base action. One definition for training and robot.

In joint space normalised to [-1, 1] by the joint limits: ``a = clip(a_base + bound * tanh(f), -1, 1)``.
Here in rad, so that an untrained network (f = 0) returns the base action to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.joints import LOWER_RAD, UPPER_RAD

#: A joint with hardly any range would be normalised by almost nothing.
MIN_HALF_RANGE_RAD = 0.05


_MIDDLE_RAD = (LOWER_RAD + UPPER_RAD) / 2.0


class Corrected(NamedTuple):
    """``action == base + residual``, exactly."""

    residual: np.ndarray  #: (..., 6) [rad], as executed: after the clip
    action: np.ndarray  #: (..., 6) [rad]


def to_unit(position_rad: ArrayLike) -> np.ndarray:
    """Joint positions (..., 6) [rad] in the space where the joint limits are -1 and 1."""
    return (np.asarray(position_rad, dtype=np.float64) - _MIDDLE_RAD) / residual_scale_rad(1.0)


def residual_scale_rad(bound: ArrayLike, lower: ArrayLike = LOWER_RAD, upper: ArrayLike = UPPER_RAD) -> np.ndarray:
    """Largest correction (6,) [rad]: `bound` (scalar or (6,), share of the half range) in rad."""
    half = np.maximum((np.asarray(upper) - np.asarray(lower)) / 2.0, MIN_HALF_RANGE_RAD)
    return np.asarray(bound, dtype=np.float64) * half


def apply_correction(
    base: ArrayLike,
    correction: ArrayLike,
    bound: ArrayLike,
    lower: ArrayLike = LOWER_RAD,
    upper: ArrayLike = UPPER_RAD,
) -> Corrected:
    """Correct base action(s) (..., 6) [rad] by `correction` (..., 6), in shares of the bound, -1 to 1: tanh(f).

    bound: scalar or (6,), share of each joint's half range. lower, upper: joint limits (6,) [rad].
    The residual never carries the action across a limit; a base action that is already beyond one is left to the
    command filter, so a correction of 0 changes nothing. Non-finite input gives a non-finite action, which the
    command filter refuses.
    """
    base = np.asarray(base, dtype=np.float64)
    wanted = residual_scale_rad(bound, lower, upper) * np.asarray(correction, dtype=np.float64)
    room_down = np.minimum(np.asarray(lower) - base, 0.0)
    room_up = np.maximum(np.asarray(upper) - base, 0.0)
    residual = np.clip(wanted, room_down, room_up)
    return Corrected(residual, base + residual)
