"""``so-arm check``: go or no-go for one arm."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption, PortOption, Role, RoleOption
from so_arm.cli.output import console, write_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from so_arm.hardware.setup.arm_check import ArmCheck, ArmReport

NO_GO = 1
POSE_HINT = "compare with the arm: 0° is the middle of a joint's range, 0 % a closed gripper"


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    port: PortOption,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", "-c", metavar="FILE", help="The arm's calibration file.")
    ] = None,
    role: RoleOption = Role.follower,
    reads: Annotated[int, typer.Option(min=10, help="State reads that measure the bus.")] = 1000,
    json_file: JsonOption = None,
) -> None:
    """Tell whether an arm is fit to run, and what is wrong if not. Moves nothing and writes nothing to the servos.

    Exit code 0: go; 1: no go.
    """
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.hardware.setup.arm_check import ArmCheck

    arm = None if calibration is None else read_calibration(calibration)
    file = "my_arm.json" if calibration is None else str(calibration)
    out = console(json_file)
    report = _run(ArmCheck(port, arm, file, role is Role.follower, reads), out)
    _show(report, out)
    write_json(json_file, {"port": port, "calibration": calibration, "role": role.value} | _as_data(report))
    if not report.go:
        raise typer.Exit(NO_GO)


def _run(arm: ArmCheck, out: Console) -> ArmReport:
    from rich.progress import Progress

    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("reading the bus", total=arm.reads)
        return arm.run(lambda: progress.advance(task))


def _show(report: ArmReport, out: Console) -> None:
    out.print(_table(report))
    if report.pose:
        out.print(_pose_table(report))
        out.print(POSE_HINT)
    if report.go:
        out.print("GO", style="bold green")
        return
    out.print("NO GO", style="bold red")
    for finding in report.reasons:
        cure = f" -> {finding.cure}" if finding.cure else ""
        out.print(f"  {finding.check}: {finding.found}{cure}", soft_wrap=True, markup=False)


def _table(report: ArmReport) -> Table:
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    table = Table()
    for column in ("check", "", "found"):
        table.add_column(column, overflow="fold")
    for finding in report.findings:
        colour = colours[finding.verdict]
        found = f"{finding.found}\n-> {finding.cure}" if finding.cure else finding.found
        table.add_row(finding.check, f"[{colour}]{finding.verdict}[/{colour}]", escape(found))
    return table


def _pose_table(report: ArmReport) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("joint")
    for column in ("ticks", "now", "from", "to"):
        table.add_column(column, justify="right")
    for joint in report.pose:
        unit = " %" if joint.name == "gripper" else "°"
        now, lower, upper = (
            f"{round(value, 1) + 0.0:.1f}{unit}" for value in (joint.position, joint.lower, joint.upper)
        )
        table.add_row(joint.name, str(joint.ticks), now, lower, upper, style="red" if joint.beyond else "")
    return table


def _as_data(report: ArmReport) -> dict[str, Any]:
    data = asdict(report)
    for servo in data["servos"]:
        servo["stored"] = servo["stored"]._asdict()
        servo["faults"] = servo["faults"].names()
    return {"go": report.go} | data
