"""The one joint order, its names and its limits. Everything else matches joints by name against this."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from so_arm.core.errors import UserError

JOINT_NAMES: tuple[str, ...] = (
    "shoulder_pan",
    "shoulder_lift",
    "elbow_flex",
    "wrist_flex",
    "wrist_roll",
    "gripper",
)
NUM_JOINTS = len(JOINT_NAMES)
GRIPPER = JOINT_NAMES.index("gripper")

#: Jaw angle [rad] at LeRobot's gripper values 0 (closed) and 100 (open).
GRIPPER_CLOSED_RAD = math.radians(-10.0)
GRIPPER_OPEN_RAD = math.radians(100.0)


def _frozen(values: Sequence[float]) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


# Mechanical limits of the official model, moved to LeRobot's zero (middle of the calibrated range).
LOWER_RAD = _frozen([-1.92, -3.32 + math.pi / 2, -0.174 - math.pi / 2, -1.66, -2.79, GRIPPER_CLOSED_RAD])
UPPER_RAD = _frozen([1.92, 0.174 + math.pi / 2, 3.14 - math.pi / 2, 1.66, 2.79, GRIPPER_OPEN_RAD])

#: No-load speed of the STS3215 (1:345) is about 45 rpm; commands never ask for more.
MAX_VELOCITY_RAD_S = _frozen([4.7] * NUM_JOINTS)


def index_by_name(names: Sequence[str], what: str) -> np.ndarray:
    """Index array (6,) such that ``values[index]`` lists `values` in ``JOINT_NAMES`` order.

    Raises UserError when a joint is missing, unknown or named twice; `what` names the source in the message.
    """
    given = list(names)
    missing = [name for name in JOINT_NAMES if name not in given]
    extra = [name for name in given if name not in JOINT_NAMES]
    twice = sorted({name for name in given if given.count(name) > 1})
    if missing or extra or twice:
        faults = [
            f"{label} {', '.join(found)}"
            for label, found in (("missing", missing), ("unknown", extra), ("twice", twice))
            if found
        ]
        raise UserError(f"{what}: joints do not match ({'; '.join(faults)}); expected {', '.join(JOINT_NAMES)}")
    return np.array([given.index(name) for name in JOINT_NAMES])
