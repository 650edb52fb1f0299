"""Where LeRobot keeps the calibration of an arm that is known by a robot id."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from so_arm.core.errors import UserError

FOLLOWER, LEADER = "follower", "leader"
ROLES = (FOLLOWER, LEADER)
_FOLDERS = {
    FOLLOWER: ("robots/so_follower", "robots/so100_follower", "robots/so101_follower"),
    LEADER: ("teleoperators/so_leader", "teleoperators/so100_leader", "teleoperators/so101_leader"),
}


def calibration_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """LeRobot's own folder of calibrations, moved by its environment variables."""
    if folder := environment.get("HF_LEROBOT_CALIBRATION"):
        return Path(folder).expanduser()
    if home := environment.get("HF_LEROBOT_HOME"):
        return Path(home).expanduser() / "calibration"
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or f"{cache}/huggingface"
    return Path(home).expanduser() / "lerobot" / "calibration"


def new_calibration(robot_id: str, role: str) -> Path:
    """Where LeRobot looks for the calibration of a robot that is to be called `robot_id`."""
    _check_name(robot_id)
    return calibration_folder() / _FOLDERS[role][0] / f"{robot_id}.json"


def find_calibration(calibration_file: str, robot_id: str, role: str) -> Path:
    """`calibration_file`, or the file that LeRobot has for `robot_id`; UserError lists the places looked at."""
    if calibration_file:
        return Path(calibration_file).expanduser()
    if not robot_id:
        raise UserError("no calibration: give calibration_file, or robot_id for a file of LeRobot's")
    _check_name(robot_id)
    folder = calibration_folder()
    places = [folder / kind / f"{robot_id}.json" for kind in _FOLDERS[role]]
    for place in places:
        if place.is_file():
            return place
    raise UserError(f"no calibration of {role} '{robot_id}'; looked for {', '.join(map(str, places))}")


def _check_name(robot_id: str) -> None:
    """A path in its place would lead out of LeRobot's folder."""
    if not robot_id or robot_id in (".", "..") or Path(robot_id).name != robot_id:
        raise UserError(f"robot id '{robot_id}' is not a plain name such as my_arm; a file goes by its path")
