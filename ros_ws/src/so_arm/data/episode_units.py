"""In which units a dataset's joints are, and how they become radians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, LOWER_RAD, UPPER_RAD
from so_arm.core.ticks import TickScale
from so_arm.core.units import lerobot_from_rad, old_lerobot_from_rad, rad_from_lerobot, rad_from_old_lerobot
from so_arm.data.dataset_schema import UNITS, Record
from so_arm.data.joint_units import JointUnits

#: How far beyond the model's limits an arm may get: real arms are not built to the degree.
_BEYOND_RAD = np.radians(20.0)
#: No episode in degrees stays within that on every joint.
_RADIANS_REACH = 3.2
_OLD_PREFIX, _NEW_SUFFIX = "main_", ".pos"


def joint_names(names: object) -> list[str]:
    """Our joint names in the order of a feature, whose `names` LeRobot spells in one of several ways."""
    listed = next(iter(names.values()), []) if isinstance(names, Mapping) else names
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    return [str(name).removeprefix(_OLD_PREFIX).removesuffix(_NEW_SUFFIX) for name in listed]


def units_of(record: Record | None, names: object) -> JointUnits | None:
    """Units that the metadata tell, None when they do not."""
    if record is not None and record.units == UNITS:
        return JointUnits.degrees
    # The name of the only arm, which LeRobot put in front of its joints before 0.2.
    listed: Any = next(iter(names.values()), []) if isinstance(names, Mapping) else names
    if listed and all(str(name).startswith(_OLD_PREFIX) for name in listed):
        return JointUnits.old_degrees
    return None


def to_rad(values: np.ndarray, units: JointUnits, calibration: Calibration | None = None) -> np.ndarray:
    """`values` (..., 6) in `units` -> [rad]. For `range` the `calibration` of the arm that recorded is needed."""
    if units is JointUnits.degrees:
        return rad_from_lerobot(values)
    if units is JointUnits.old_degrees:
        return rad_from_old_lerobot(values)
    if units is JointUnits.radians:
        return np.asarray(values, dtype=np.float64)
    if calibration is None:
        raise UserError("units 'range' mean nothing without the calibration of the arm that recorded them")
    scale = TickScale(calibration)
    return scale.rad_from_ticks(scale.ticks_from_lerobot(values, use_degrees=False))


def check_fit(values: np.ndarray, position_rad: np.ndarray, units: JointUnits, what: str) -> None:
    """Refuse `values` (T, 6) that cannot be in `units`, which make them `position_rad` (T, 6); names a joint."""
    beyond = np.maximum(LOWER_RAD - position_rad, position_rad - UPPER_RAD)
    frame, joint = np.unravel_index(np.argmax(beyond), beyond.shape)
    if not beyond[frame, joint] <= _BEYOND_RAD:
        low, high = sorted(_shown_limits(units)[:, joint])
        raise UserError(
            f"{what}: {JOINT_NAMES[joint]} is {values[frame, joint]:.1f} in frame {frame}, but in units "
            f"'{units}' the arm reaches {low:.1f}..{high:.1f}; choose other --units"
        )
    if units is not JointUnits.radians and np.abs(values).max() <= _RADIANS_REACH:
        raise UserError(f"{what}: no joint leaves {-_RADIANS_REACH}..{_RADIANS_REACH}, that is not '{units}'; radians?")


def _shown_limits(units: JointUnits) -> np.ndarray:
    limits = np.array([LOWER_RAD, UPPER_RAD])
    if units is JointUnits.radians:
        return limits
    return old_lerobot_from_rad(limits) if units is JointUnits.old_degrees else lerobot_from_rad(limits)
