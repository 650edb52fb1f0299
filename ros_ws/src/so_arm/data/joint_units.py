"""The units that joints of a dataset come in."""

from __future__ import annotations

from enum import StrEnum


class JointUnits(StrEnum):
    """Of the body joints; the gripper is 0..100 in all but radians."""

    degrees = "degrees"  #: about the middle of the range, as LeRobot's `use_degrees`
    range = "range"  #: -100..100 over the calibrated range, as LeRobot without `use_degrees`
    old_degrees = "old-degrees"  #: of LeRobot before 0.2
    radians = "radians"
