"""Where a new calibration file goes: a file of the user's choice, or where LeRobot looks for it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from so_arm.cli.options import Role
from so_arm.cli.output import check_folder
from so_arm.core import files
from so_arm.core.calibration_place import new_calibration
from so_arm.core.errors import UserError


def calibration_target(output: Path | None, robot_id: str | None, role: Role, force: bool) -> Path:
    """The file to write, known to be writable; UserError also when it exists and `force` does not allow that."""
    if (output is None) == (robot_id is None):
        raise UserError("give --output FILE, or --robot-id ID for the file that LeRobot uses for that robot")
    target = output if output is not None else new_calibration(robot_id or "", role)
    if target.is_dir():
        raise UserError(f"--output {target} is a folder; give a file name")
    if target.exists() and not force:
        raise UserError(f"{target} exists; --force replaces it and keeps a dated copy")
    check_folder(target.absolute().parent, "--output")
    return target


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
