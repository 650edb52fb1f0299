"""Calibrations of other programs in LeRobot's terms.

Older LeRobot (before 0.2) kept a software offset per joint and the pose "arm stretched out" as zero; phosphobot keeps
the ticks of two poses. Neither measured the range of the body joints, so the model's limits about the zero stand in.
Both let the servos' offset register alone, so ours is 0 too, unless the range would leave the encoder's turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from so_arm.core.calibration import (
    GRIPPER_NAME,
    HALF_TURN,
    MAX_TICK,
    TICKS_PER_TURN,
    Calibration,
    JointCalibration,
    Remark,
    reach_ticks,
    shown,
)
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS, index_by_name

QUARTER_TURN = TICKS_PER_TURN // 4
#: Angle of the older format, in ticks, at which the joint is in the middle of its range.
_OLD_MIDDLE = dict.fromkeys(JOINT_NAMES, 0) | {"shoulder_lift": QUARTER_TURN, "elbow_flex": QUARTER_TURN}
_OLD_DRIVE_MODE = dict.fromkeys(JOINT_NAMES, 0) | {"shoulder_lift": 1, "wrist_roll": 1}
_MAX_RAW = 2 * TICKS_PER_TURN  # older files count on over the end of a turn
_FAR_FROM_ZERO = round(15 / 360 * TICKS_PER_TURN)


def from_lists(data: dict[str, Any]) -> Calibration:
    """The older list format: with the lists range_min and range_max (a later variant) or without."""
    names = _list(data, "motor_names")
    for name in names:
        if not isinstance(name, str):
            raise UserError(f"field motor_names: {shown(name)} is not a name")
    index_by_name([shown(name).strip("'") for name in names], "field motor_names")
    columns = {
        field: dict(zip(names, _integers(data, field, names), strict=True))
        for field in ("drive_mode", "homing_offset", "start_pos", "end_pos")
    }
    columns["linear"] = dict(zip(names, _modes(data, names), strict=True))
    with_ranges = "range_min" in data or "range_max" in data
    if with_ranges:
        for field in ("range_min", "range_max"):
            columns[field] = dict(zip(names, _integers(data, field, names), strict=True))
    build = _Builder()
    if with_ranges:
        build.note(None, "range_min and range_max as in the file; homing_offset, which they do not need, is 0")
    for name in names:
        values = {field: column[name] for field, column in columns.items()}
        if values["linear"] != (name == GRIPPER_NAME):
            raise UserError(f"joint '{name}', field calib_mode: the gripper is LINEAR and the other joints are DEGREE")
        if values["start_pos"] == values["end_pos"]:
            raise UserError(
                f"joint '{name}', field end_pos: {values['end_pos']} equals start_pos, "
                "so the second pose was never recorded; calibrate the arm again"
            )
        (_measured_range if with_ranges else _linear if values["linear"] else _degrees)(build, name, values)
    kind = data.get("kind")
    return build.done("older LeRobot lists" + (" with ranges" if with_ranges else ""), kind)


def from_phosphobot(data: dict[str, Any]) -> Calibration:
    """phosphobot's config: `servos_offsets` at its first pose (all angles 0), the position 90° on at the second."""
    first = _integers(data, "servos_offsets", JOINT_NAMES)
    second = _integers(data, "servos_calibration_position", JOINT_NAMES)
    signs = _integers(data, "servos_offsets_signs", JOINT_NAMES)
    build = _Builder()
    for name, zero, turned, sign in zip(JOINT_NAMES, first, second, signs, strict=True):
        if sign not in (-1, 1):
            raise UserError(f"joint '{name}', field servos_offsets_signs: {sign} is neither -1 nor 1")
        quarter = abs(turned - zero)
        if quarter < QUARTER_TURN // 2:
            raise UserError(
                f"joint '{name}', field servos_calibration_position: {turned} is too close to servos_offsets {zero}; "
                "the second pose is a quarter of a turn away; calibrate the arm again"
            )
        if name == GRIPPER_NAME:
            _gripper(build, zero, turned, "servos_offsets", "servos_calibration_position")
            continue
        build.note(name, f"middle at servos_offsets {zero}; range from the model's limits")
        if sign < 0:
            build.note(name, "its angle in phosphobot (servos_offsets_signs -1) has the opposite sign of ours")
        if not 0.75 < quarter / QUARTER_TURN < 1.25:
            build.warn(name, f"its two poses are {quarter * 360 / TICKS_PER_TURN:.0f}° apart, not 90°")
        build.body(name, zero)
    if all(zero == TICKS_PER_TURN // 2 for zero in first):
        build.warn(None, "every zero is exactly 2048: this is the vendor's default, not measured on an arm")
    return build.done("phosphobot", data.get("name"))


class _Builder:
    """Collects the joints of one calibration and what there is to say about them."""

    def __init__(self) -> None:
        self._joints: dict[str, JointCalibration] = {}
        self._notes: list[Remark] = []
        self._warnings: list[Remark] = []

    def note(self, joint: str | None, text: str) -> None:
        self._notes.append(Remark(text, joint))

    def warn(self, joint: str | None, text: str) -> None:
        self._warnings.append(Remark(text, joint))

    def body(self, name: str, zero: int) -> None:
        """Add a joint of which only the zero is known, in ticks that may lie outside the encoder's turn."""
        reach = reach_ticks(name)
        self.add(name, zero - reach, zero + reach)

    def add(self, name: str, low: int, high: int, drive_mode: int = 0) -> None:
        """Add a joint with the range `low`..`high` in ticks; the offset register moves a range that leaves the turn."""
        shift = 0 if low >= 0 and high <= MAX_TICK else (low + high) // 2 - HALF_TURN
        offset = (shift + TICKS_PER_TURN // 2) % TICKS_PER_TURN - TICKS_PER_TURN // 2
        if offset == -TICKS_PER_TURN // 2:  # the one value the register does not have
            shift, offset = shift + 1, offset + 1
        if shift:
            outside = f"range {low}..{high} leaves the encoder's turn 0..{MAX_TICK}"
            self.note(name, f"{outside}; homing_offset {offset} moves its middle to {(low + high) // 2 - shift}")
        number = JOINT_NAMES.index(name) + 1
        try:
            self._joints[name] = JointCalibration(number, drive_mode, offset, low - shift, high - shift)
        except UserError as error:
            raise UserError(f"joint '{name}', {error}") from error

    def done(self, form: str, robot: object) -> Calibration:
        self.note(None, "ids 1 to 6 in the order of the joints")
        name = robot[:40] if isinstance(robot, str) and robot.isprintable() else None
        return Calibration(self._joints, form, name, tuple(self._notes), tuple(self._warnings))


def _degrees(build: _Builder, name: str, values: dict[str, int]) -> None:
    """Old degrees: angle = (raw, negated if drive_mode) + homing_offset, 2048 ticks to 180°."""
    offset, driven = values["homing_offset"], bool(values["drive_mode"])
    zero = _OLD_MIDDLE[name] - offset
    if driven:
        zero = -zero
    if not -TICKS_PER_TURN < zero < 2 * TICKS_PER_TURN:
        raise UserError(f"joint '{name}', field homing_offset: {offset} puts the zero at {zero}, over a turn away")
    angle = _OLD_MIDDLE[name] * 360 // TICKS_PER_TURN
    build.note(name, f"middle at {zero}, which is {angle}° in the file; range from the model's limits")
    if driven:
        build.note(name, "its degrees in the file (drive_mode 1) have the opposite sign of ours")
    if values["drive_mode"] != _OLD_DRIVE_MODE[name]:
        build.warn(name, f"drive_mode {values['drive_mode']}; an SO arm has {_OLD_DRIVE_MODE[name]} here")
    if values["end_pos"] + offset != QUARTER_TURN:
        build.warn(name, f"homing_offset {offset} does not follow from end_pos {values['end_pos']}: was it edited?")
    build.body(name, zero)


def _linear(build: _Builder, _: str, values: dict[str, int]) -> None:
    """0 at start_pos, 100 at end_pos."""
    _gripper(build, values["start_pos"], values["end_pos"], "start_pos", "end_pos")


def _measured_range(build: _Builder, name: str, values: dict[str, int]) -> None:
    low, high, zero = values["range_min"], values["range_max"], values["start_pos"]
    driven = name == GRIPPER_NAME and values["end_pos"] < zero
    for field in ("range_min", "range_max"):
        if not 0 <= values[field] <= MAX_TICK:
            raise UserError(f"joint '{name}', field {field}: {values[field]} is not within 0..{MAX_TICK}")
    away = (low + high) // 2 - zero
    if not values["linear"] and abs(away) > _FAR_FROM_ZERO:
        turn = abs(away) * 360 / TICKS_PER_TURN
        build.warn(name, f"the middle of its range is {turn:.0f}° from the file's zero: was it moved to both ends?")
    build.add(name, low, high, int(driven))


def _gripper(build: _Builder, closed: int, opened: int, closed_field: str, opened_field: str) -> None:
    build.note(GRIPPER_NAME, f"closed at {closed_field} {closed}, open at {opened_field} {opened}")
    build.add(GRIPPER_NAME, min(closed, opened), max(closed, opened), int(opened < closed))


def _list(data: dict[str, Any], field: str) -> list[Any]:
    if field not in data:
        raise UserError(f"field {field}: missing")
    value = data[field]
    if not isinstance(value, list):
        raise UserError(f"field {field}: {shown(value)} is not a list")
    if len(value) != NUM_JOINTS:
        raise UserError(f"field {field}: {len(value)} values for {NUM_JOINTS} joints")
    return value


def _integers(data: dict[str, Any], field: str, names: Sequence[str]) -> list[int]:
    """The list `field`, one value per joint; phosphobot writes 2048 as 2048.0."""
    return [_integer(value, name, field) for name, value in zip(names, _list(data, field), strict=True)]


def _integer(value: object, joint: str, field: str) -> int:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise UserError(f"joint '{joint}', field {field}: {shown(value)} is not an integer")
    if abs(value) > _MAX_RAW:
        raise UserError(f"joint '{joint}', field {field}: {shown(value)} is not within -{_MAX_RAW}..{_MAX_RAW}")
    return value


def _modes(data: dict[str, Any], names: Sequence[str]) -> list[bool]:
    """Whether each joint is LINEAR (0 to 100) rather than DEGREE."""
    for name, mode in zip(names, _list(data, "calib_mode"), strict=True):
        if mode not in ("DEGREE", "LINEAR"):
            raise UserError(f"joint '{name}', field calib_mode: {shown(mode)} is neither DEGREE nor LINEAR")
    return [mode == "LINEAR" for mode in data["calib_mode"]]
