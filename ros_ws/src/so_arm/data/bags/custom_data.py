"""What a bag of this arm tells about itself beside its messages."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from so_arm.data.dataset_schema import calibration_hash

#: Units of everything on topics.
UNITS = "rad, rad/s, m, s"


def custom_data(task: str, robot_id: str, calibration_file: str) -> dict[str, str]:
    """Task, robot, hash of the calibration, units and version; what is empty is left out.

    UserError: the calibration file cannot be read.
    """
    found = {"task": task, "robot_id": robot_id, "units": UNITS, "so_arm_version": _version()}
    found["calibration_hash"] = calibration_hash(calibration_file)
    return {key: value for key, value in found.items() if value}


def _version() -> str:
    try:
        return version("so_arm")
    except PackageNotFoundError:
        return ""
