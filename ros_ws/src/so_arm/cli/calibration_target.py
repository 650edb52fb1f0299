"""Where a new calibration file goes: a file of the user's choice, or where LeRobot looks for it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from so_arm.cli.options import Role
from so_arm.cli.output import check_folder
from so_arm.core import files
from so_arm.core.errors import UserError

#: LeRobot's folders of the two arms.
_FOLDERS = {Role.follower: "robots/so_follower", Role.leader: "teleoperators/so_leader"}


def calibration_target(output: Path | None, robot_id: str | None, role: Role, force: bool) -> Path:
    """The file to write, known to be writable; UserError also when it exists and `force` does not allow that."""
    if (output is None) == (robot_id is None):
        raise UserError("give --output FILE, or --robot-id ID for the file that LeRobot uses for that robot")
    if robot_id is not None and (not robot_id or Path(robot_id).name != robot_id):
        raise UserError(f"--robot-id '{robot_id}' cannot be the name of a file; choose a plain name such as my_arm")
    target = output or lerobot_folder() / _FOLDERS[role] / f"{robot_id}.json"
    if target.is_dir():
        raise UserError(f"--output {target} is a folder; give a file name")
    if target.exists() and not force:
        raise UserError(f"{target} exists; --force replaces it and keeps a dated copy")
    check_folder(target.absolute().parent, "--output")
    return target


def lerobot_folder() -> Path:
    """LeRobot's folder of calibration files, by the same environment variables as LeRobot's."""
    given = os.environ.get
    cache = given("HF_HOME") or f"{given('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    home = given("HF_LEROBOT_HOME") or f"{cache}/lerobot"
    return Path(given("HF_LEROBOT_CALIBRATION") or f"{home}/calibration").expanduser()


def write_keeping_old(target: Path, text: str) -> Path | None:
    """Writes `text`, whole or not at all; an older file keeps its content under a dated name, which is returned."""
    copy = None
    if target.exists():
        copy = target.with_name(f"{target.stem}.{datetime.now():%Y%m%d-%H%M%S}{target.suffix}")
        with files.replacing(copy) as temporary:
            temporary.write_bytes(target.read_bytes())
    with files.replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return copy
