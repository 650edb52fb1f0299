"""Calibration file, servos and present pose against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.calibration_checks import implausible, is_wrapped
from so_arm.core.joints import GRIPPER, JOINT_NAMES
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech.stored_calibration import of_joint
from so_arm.hardware.setup.findings import Finding, bad, note, ok
from so_arm.hardware.setup.servo_facts import ServoFacts

#: Beyond its range by less, a joint rests against its stop; by more, something is wrong [ticks].
_GIVE_TICKS = 57


@dataclass(frozen=True)
class JointPose:
    """position: LeRobot's degrees, for the gripper its 0..100. beyond: ticks outside the range, 0 within."""

    name: str
    ticks: int
    position: float
    lower: float
    upper: float
    beyond: int


def stored_calibration(calibration: Calibration, facts: Mapping[int, ServoFacts], how: tuple[str, str]) -> Finding:
    """`how`: the commands that write the file into the servos, and that measure anew."""
    differing = [
        f"{name} holds {facts[joint.id].stored}, the file says {of_joint(joint)}"
        for name, joint in calibration.joints.items()
        if joint.id in facts and facts[joint.id].stored != of_joint(joint)
    ]
    if not differing:
        return ok("calibration", "servos and file agree")
    write, measure = how
    cure = f"if the file is of this very arm: {write}; if not, or in doubt: {measure}"
    return bad("calibration", "; ".join(differing), cure)


def wraps(calibration: Calibration, measure: str) -> Finding:
    """Ranges that no joint has, or that end where the encoder's turn ends; and what reading the file warned of."""
    odd = dict.fromkeys((*calibration.warnings, *implausible(calibration.joints)))
    if any(is_wrapped(name, joint) for name, joint in calibration.joints.items()):
        return bad("ranges", "; ".join(map(str, odd)), f"{measure}, from the true middle")
    if odd:
        return note("ranges", "; ".join(map(str, odd)), "compare the pose below with the arm")
    return ok("ranges", "as this arm can have them, away from the ends of the encoder's turn")


def pose_of(calibration: Calibration, facts: Mapping[int, ServoFacts]) -> list[JointPose]:
    """Where the joints are that answer, as the calibration file has it."""
    scale = TickScale(calibration)
    joints = calibration.in_order()
    ticks = np.array([facts[joint.id].position if joint.id in facts else joint.range_min for joint in joints])
    ends = np.array([[joint.range_min for joint in joints], [joint.range_max for joint in joints]])
    position = scale.lerobot_from_ticks(ticks)
    lower, upper = np.sort(scale.lerobot_from_ticks(ends), axis=0)
    return [
        JointPose(
            name,
            facts[joint.id].position,
            float(position[index]),
            float(lower[index]),
            float(upper[index]),
            max(0, joint.range_min - facts[joint.id].position, facts[joint.id].position - joint.range_max),
        )
        for index, (name, joint) in enumerate(zip(JOINT_NAMES, joints, strict=True))
        if joint.id in facts
    ]


def pose(joints: list[JointPose]) -> Finding:
    told = ", ".join(f"{joint.name} {round(joint.position)}{_unit(joint.name)}" for joint in joints)
    far = [joint for joint in joints if joint.beyond > _GIVE_TICKS]
    if far:
        out = ", ".join(f"{joint.name} is {joint.beyond} ticks outside its range" for joint in far)
        return bad("pose", out, "file of another arm, or the horn slipped or wrapped: calibrate again")
    if any(joint.beyond for joint in joints):
        out = ", ".join(f"{joint.name} by {joint.beyond} ticks" for joint in joints if joint.beyond)
        return note("pose", f"{told}; outside its range: {out}", "the driver holds commands within the range")
    return ok("pose", told)


def _unit(name: str) -> str:
    return " %" if name == JOINT_NAMES[GRIPPER] else "°"
