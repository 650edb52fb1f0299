"""``so-arm calibrate``: an arm's middle and ranges, measured by moving it by hand, into a file and into the servos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.cli.arm_bus import arm_bus
from so_arm.cli.options import PortOption, Role, RoleOption
from so_arm.cli.output import console
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.cli.line_input import LineInput
    from so_arm.core.calibration import Calibration
    from so_arm.hardware.feetech.bus import FeetechBus
    from so_arm.hardware.setup.calibration_session import CalibrationSession

MIDDLE_POSE = "upper arm upright, forearm level to the front, hand straight on, gripper half open"

_SAMPLE_PAUSE_S = 0.01


def register(app: typer.Typer) -> None:
    app.command("calibrate")(calibrate)


def calibrate(
    port: PortOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Calibration file to write.")
    ] = None,
    robot_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Instead of --output: the file that LeRobot uses for this robot.")
    ] = None,
    role: RoleOption = Role.follower,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if it exists; a dated copy is kept.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Measure nothing: write this file into the servos.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --write changes servos.")] = False,
) -> None:
    """Measure middle and ranges of an arm as LeRobot does: its calibration file, and the same in the servos.

    You move the arm by hand; the motors are off. Ctrl-C at any time leaves the servos as they were.
    """
    from so_arm.cli.line_input import LineInput

    if write is not None:
        if output or robot_id or force:
            raise UserError("--write FILE writes into the servos only; leave out --output, --robot-id and --force")
        _write(port, write, yes, LineInput())
        return
    from so_arm.cli.calibration_target import calibration_target

    target = calibration_target(output, robot_id, role, force)
    with arm_bus(port) as bus:
        _measure(bus, target, role, LineInput())
    console().print(f"Next: so-arm check --port {port} --calibration {target}", soft_wrap=True, markup=False)


def _measure(bus: FeetechBus, target: Path, role: Role, lines: LineInput) -> None:
    from so_arm.hardware.setup.calibration_session import CalibrationSession

    out = console()
    out.print(f"Calibrating the {role} on {bus.link.path}. Ctrl-C leaves the servos as they are now.", soft_wrap=True)
    _ask_to_support(bus, lines)
    session = CalibrationSession(bus)
    try:
        with session:
            calibration = None
            while calibration is None:
                out.print(
                    f"1. Move every joint to the middle of its range ({MIDDLE_POSE}), then press Enter.", soft_wrap=True
                )
                lines.wait("the arm was in its middle pose")
                session.set_middle()
                out.print("2. Move every joint but wrist_roll to both of its ends, then press Enter.")
                calibration = _record(session, lines)
            _finish(session, calibration, target)
    except BaseException:
        if session.taken_back:
            console(Path("-")).print("nothing is changed: the servos hold what they held before")
        raise


def _ask_to_support(bus: FeetechBus, lines: LineInput) -> None:
    from so_arm.hardware.setup.calibration_session import torque_is_on

    if torque_is_on(bus):
        console().print("The motors are on and will go limp: hold the arm, then press Enter.")
        lines.wait("somebody held the arm")


def _record(session: CalibrationSession, lines: LineInput) -> Calibration | None:
    """Until Enter is pressed and the ranges are whole; None when it has to start again from the middle pose."""
    out = console()
    while True:
        _watch(session, lines, out)
        if session.wrapped:
            _tell_wrapped(session, out)
            return None
        try:
            calibration = session.calibration()
        except UserError as error:
            out.print(f"{error}, then press Enter.", soft_wrap=True, markup=False)
            continue
        if _accepted(calibration, lines, out):
            return calibration


def _watch(session: CalibrationSession, lines: LineInput, out: Console) -> None:
    """Records, with a live table where there is a terminal, until Enter is pressed."""
    from rich.live import Live

    from so_arm.cli.calibration_tables import moving_table

    with Live(console=out, auto_refresh=False, transient=True) as live:
        while lines.ready(_SAMPLE_PAUSE_S, "the ranges were recorded") is None:
            session.sample()
            if out.is_terminal:
                live.update(moving_table(session.ranges), refresh=True)
    out.print(moving_table(session.ranges))


def _tell_wrapped(session: CalibrationSession, out: Console) -> None:
    from so_arm.hardware.setup.calibration_session import WRAPPED

    for name in session.wrapped:
        out.print(f"{name} {WRAPPED}", style="red", soft_wrap=True)


def _accepted(calibration: Calibration, lines: LineInput, out: Console) -> bool:
    """Nothing is odd about it, or the user says that it is right."""
    if not calibration.warnings:
        return True
    for remark in calibration.warnings:
        out.print(str(remark), style="yellow", soft_wrap=True, markup=False)
    out.print("Enter: go on moving. y and Enter: it is right, keep it.")
    return lines.wait("odd ranges were accepted").lower() in ("y", "yes")


def _finish(session: CalibrationSession, calibration: Calibration, target: Path) -> None:
    """The file first: what was measured is not lost when the servos cannot be written."""
    from so_arm.cli.calibration_target import write_keeping_old
    from so_arm.core.calibration_formats import lerobot_text
    from so_arm.core.interrupt import uninterrupted
    from so_arm.hardware.feetech.errors import BusError

    out = console()
    with uninterrupted():
        copy = write_keeping_old(target, lerobot_text(calibration))
        try:
            session.store(calibration)
        except BusError as error:
            raise UserError(
                f"{error}; what was measured is in {target}: mend the bus, then so-arm calibrate --write {target}"
            ) from error
    if copy is not None:
        out.print(f"the older file is kept: {copy}", soft_wrap=True, markup=False)
    out.print(f"written: {target}; the servos hold the same (read back)", soft_wrap=True, markup=False)


def _write(port: str, file: Path, yes: bool, lines: LineInput) -> None:
    from so_arm.cli.calibration_tables import change_table
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.core.interrupt import uninterrupted
    from so_arm.hardware.feetech.stored_calibration import of_joint, read_stored
    from so_arm.hardware.setup.calibration_session import refuse_unfit_servos, torque_is_on, write_into_servos

    calibration = read_calibration(file)
    out = console()
    with arm_bus(port, [joint.id for joint in calibration.joints.values()]) as bus:
        refuse_unfit_servos(bus)
        before = {joint.id: read_stored(bus, joint.id) for joint in calibration.joints.values()}
        out.print(change_table(calibration, before))
        for remark in calibration.warnings:
            out.print(str(remark), style="yellow", soft_wrap=True, markup=False)
        if all(before[joint.id] == of_joint(joint) for joint in calibration.joints.values()):
            out.print(f"the servos hold what {file} says; nothing to write", soft_wrap=True, markup=False)
            return
        if not yes:
            limp = " The arm goes limp: hold it." if torque_is_on(bus) else ""
            out.print(f"Write this into the servos?{limp} y and Enter: yes; anything else: no.")
            if lines.wait("the question was answered (--yes does it)").lower() not in ("y", "yes"):
                raise UserError("nothing is changed: it was not confirmed")
        with uninterrupted():
            write_into_servos(bus, calibration)
    out.print("written into the servos and read back")
