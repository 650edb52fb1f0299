"""What calibration knows about an arm: per joint the servo's id, its homing offset and the range of motion in ticks.

The servo answers ``present = actual - homing_offset`` in ticks 0..4095, one turn. The zero of a joint is the middle of
its range. Ticks exist only here, in ``ticks.py`` and in the hardware room; everything else is in radians.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from so_arm.core.errors import UserError
from so_arm.core.joints import GRIPPER, JOINT_NAMES, LOWER_RAD, UPPER_RAD, index_by_name

MAX_TICK = 4095
TICKS_PER_TURN = 4096
MAX_HOMING_OFFSET = 2047  # the register has a sign and 11 bits
MAX_ID = 253  # 254 addresses every servo at once
HALF_TURN = 2047  # where LeRobot's calibration puts the middle pose
#: LeRobot's angles count 4095 ticks per turn, not the encoder's 4096; we follow LeRobot.
RAD_PER_TICK = 2.0 * math.pi / MAX_TICK

FULL_TURN_JOINT = "wrist_roll"  # LeRobot gives it the range 0..4095 without measuring
GRIPPER_NAME = JOINT_NAMES[GRIPPER]


@dataclass(frozen=True)
class JointCalibration:
    """One joint as LeRobot's file and the servo's EEPROM have it; all values are integers, positions in ticks."""

    id: int
    drive_mode: int
    homing_offset: int
    range_min: int
    range_max: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = BOUNDS[field.name]
            if type(value) is not int:
                raise UserError(f"field {field.name}: {shown(value)} is not an integer")
            if not low <= value <= high:
                raise UserError(f"field {field.name}: {shown(value)} is not within {low}..{high}")
        if self.range_min >= self.range_max:
            raise UserError(f"field range_min: {self.range_min} is not below range_max {self.range_max}")

    @property
    def middle(self) -> float:
        """The joint's zero [ticks]."""
        return (self.range_min + self.range_max) / 2

    @property
    def span(self) -> int:
        """Ticks from one end of the range to the other."""
        return self.range_max - self.range_min


FIELDS = tuple(field.name for field in fields(JointCalibration))
BOUNDS: Mapping[str, tuple[int, int]] = {
    "id": (0, MAX_ID),
    "drive_mode": (0, 1),
    "homing_offset": (-MAX_HOMING_OFFSET, MAX_HOMING_OFFSET),
    "range_min": (0, MAX_TICK),
    "range_max": (0, MAX_TICK),
}


@dataclass(frozen=True)
class Remark:
    """Something the reader of a calibration should know: about one joint, or about all of it (`joint` is None)."""

    text: str
    joint: str | None = None

    def __str__(self) -> str:
        return f"{self.joint}: {self.text}" if self.joint else self.text


@dataclass(frozen=True)
class Calibration:
    """The six joints by name, in the order of the file they came from.

    `format` is what it was read from, `robot` the robot's name if the file gives one. `notes` say what was converted
    (none for LeRobot's own files), `warnings` what the file lacks or what looks wrong in it.
    """

    joints: Mapping[str, JointCalibration]
    format: str = "LeRobot"
    robot: str | None = None
    notes: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        index_by_name(list(self.joints), "calibration")
        owners: dict[int, str] = {}
        for name, joint in self.joints.items():
            if joint.id in owners:
                raise UserError(f"joint '{name}', field id: {joint.id} is the id of joint '{owners[joint.id]}' too")
            owners[joint.id] = name
        object.__setattr__(self, "joints", MappingProxyType(dict(self.joints)))

    @property
    def converted(self) -> bool:
        return bool(self.notes)

    def in_order(self) -> tuple[JointCalibration, ...]:
        """The joints in ``JOINT_NAMES`` order."""
        return tuple(self.joints[name] for name in JOINT_NAMES)


def nominal_calibration(homing_offsets: Mapping[str, int] | None = None) -> Calibration:
    """Calibration of an ideal arm: the model's limits about the middle of the turn; offsets by joint, default 0."""
    offsets = homing_offsets or {}
    joints = {}
    for number, name in enumerate(JOINT_NAMES, start=1):
        reach = reach_ticks(name)
        low, high = (0, MAX_TICK) if name == FULL_TURN_JOINT else (HALF_TURN - reach, HALF_TURN + reach)
        joints[name] = JointCalibration(number, 0, offsets.get(name, 0), low, high)
    return Calibration(joints)


def reach_ticks(joint: str) -> int:
    """How far the model lets `joint` turn from the middle, to the farther side [ticks]; half the gripper's opening."""
    index = JOINT_NAMES.index(joint)
    if index == GRIPPER:
        return round((UPPER_RAD[index] - LOWER_RAD[index]) / 2 / RAD_PER_TICK)
    return round(max(UPPER_RAD[index], -LOWER_RAD[index]) / RAD_PER_TICK)


def shown(value: object) -> str:
    """A value of a file in an error message: short, and without control characters."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an integer with more digits than Python prints; lists in lists in lists
        return "something far too large"
    return text if len(text) <= 40 else text[:36] + " ..."
