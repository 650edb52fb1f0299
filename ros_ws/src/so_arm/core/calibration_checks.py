"""What looks wrong in a calibration that is well-formed: ranges no arm has, wrapped encoders, foreign ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from so_arm.core.calibration import (
    FULL_TURN_JOINT,
    GRIPPER_NAME,
    MAX_TICK,
    JointCalibration,
    Remark,
    reach_ticks,
)
from so_arm.core.joints import JOINT_NAMES

#: Measured ranges of real arms are 0.8 to 1.25 times the model's; beyond these something went wrong.
MOST_OF_MODEL, LEAST_OF_MODEL = 1.3, 0.5
EDGE_TICKS = 16

_DEGREES_PER_TICK = 360.0 / MAX_TICK


def implausible(joints: Mapping[str, JointCalibration]) -> tuple[Remark, ...]:
    """Warnings about `joints` (by name), none for an arm that was calibrated with care."""
    return tuple(
        Remark(text, name)
        for name, joint in joints.items()
        for check in (_range, _drive_mode, _id)
        for text in check(name, joint)
    )


def is_wrapped(name: str, joint: JointCalibration) -> bool:
    """The range is more than this joint can turn: its encoder came round, or it is of another robot."""
    return name != FULL_TURN_JOINT and joint.span > MOST_OF_MODEL * 2 * reach_ticks(name)


def _range(name: str, joint: JointCalibration) -> Iterator[str]:
    if name == FULL_TURN_JOINT:
        return
    turn, model = joint.span * _DEGREES_PER_TICK, 2 * reach_ticks(name) * _DEGREES_PER_TICK
    where = f"its range {joint.range_min}..{joint.range_max} ({turn:.0f}°)"
    at_edge = joint.range_min < EDGE_TICKS or joint.range_max > MAX_TICK - EDGE_TICKS
    if is_wrapped(name, joint):
        reason = "did the encoder wrap during calibration, or is it another robot?"
        yield f"{where} is more than this joint can turn ({model:.0f}°): {reason}"
    elif at_edge:
        yield f"{where} touches the end of the encoder's turn: a little further, and the position jumps by a turn"
    if turn < LEAST_OF_MODEL * model:
        yield f"{where} is less than half of what this joint can turn ({model:.0f}°): was it moved to both ends?"


def _drive_mode(name: str, joint: JointCalibration) -> Iterator[str]:
    if joint.drive_mode and name == GRIPPER_NAME:
        yield "drive_mode 1: its range_max is the closed end"
    elif joint.drive_mode:
        yield "drive_mode 1: mirrors LeRobot's -100..100, but neither its degrees nor our radians"


def _id(name: str, joint: JointCalibration) -> Iterator[str]:
    usual = JOINT_NAMES.index(name) + 1
    if joint.id != usual:
        yield f"its servo has id {joint.id}; LeRobot expects {usual} on this joint, whatever the file says"
