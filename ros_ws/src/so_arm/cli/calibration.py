"""``so-arm calibration``: what a calibration file says about an arm."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from so_arm.core.calibration import Calibration, Remark


def register(app: typer.Typer) -> None:
    group = typer.Typer(rich_markup_mode="markdown")
    group.callback()(_group)
    group.command("show")(show)
    app.add_typer(group, name="calibration")


def _group() -> None:
    """Read the calibration files of LeRobot (new and old) and phosphobot."""


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="LeRobot's JSON, its older lists, or phosphobot's.")],
    json_file: JsonOption = None,
) -> None:
    """Show what a calibration file says: per joint id, offset and range, what was converted, what looks wrong."""
    from so_arm.core.calibration_formats import read_calibration

    calibration = read_calibration(file)
    out = console(json_file)
    out.print(_table(calibration))
    for title, remarks in (("Converted", calibration.notes), ("Warnings", calibration.warnings)):
        if remarks:
            out.print(f"\n{title}")
        for remark in remarks:
            out.print(f"  {remark}", markup=False, soft_wrap=True)
    write_json(json_file, {"file": str(file)} | _as_data(calibration))


def _as_data(calibration: Calibration) -> dict[str, Any]:
    from so_arm.core.joints import JOINT_NAMES
    from so_arm.core.ticks import TickScale

    scale = TickScale(calibration)
    ends_rad = dict(zip(JOINT_NAMES, zip(scale.lower_rad, scale.upper_rad, strict=True), strict=True))
    return {
        "format": calibration.format,
        "robot": calibration.robot,
        "converted": calibration.converted,
        "joints": {
            name: asdict(joint) | {"middle": joint.middle, "range_deg": _degrees(calibration, name), "range_rad": ends}
            for name, joint, ends in ((name, calibration.joints[name], ends_rad[name]) for name in JOINT_NAMES)
        },
        "notes": _remarks(calibration.notes),
        "warnings": _remarks(calibration.warnings),
    }


def _degrees(calibration: Calibration, name: str) -> tuple[float, float]:
    """What the encoder turns from the middle to both ends of the range [deg]."""
    from so_arm.core.calibration import MAX_TICK

    half = calibration.joints[name].span / 2 * 360 / MAX_TICK
    return -half, half


def _remarks(remarks: tuple[Remark, ...]) -> list[dict[str, str | None]]:
    return [asdict(remark) for remark in remarks]


def _table(calibration: Calibration) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from so_arm.core.joints import JOINT_NAMES

    robot = f", {escape(calibration.robot)}" if calibration.robot else ""
    table = Table(title=f"Calibration ({calibration.format}{robot})", title_justify="left")
    table.add_column("joint")
    for column in ("id", "drive", "offset", "ticks", "middle", "degrees"):
        table.add_column(column, justify="right", no_wrap=True)
    for name in JOINT_NAMES:
        joint = calibration.joints[name]
        table.add_row(
            name,
            str(joint.id),
            str(joint.drive_mode),
            str(joint.homing_offset),
            f"{joint.range_min}..{joint.range_max}",
            f"{joint.middle:g}",
            f"±{_degrees(calibration, name)[1]:.1f}",
        )
    return table
