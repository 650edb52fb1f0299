"""``so-arm setup-motors``: servos from the box get their ids and 1 Mbps, one at a time."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.cli.arm_bus import arm_bus
from so_arm.cli.options import PortOption
from so_arm.cli.output import console
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES

if TYPE_CHECKING:
    from so_arm.cli.line_input import LineInput
    from so_arm.hardware.feetech.identity import FoundServo
    from so_arm.hardware.setup.motor_setup import MotorSetup

Joint = StrEnum("Joint", {name: name for name in JOINT_NAMES})  # type: ignore[misc]


def register(app: typer.Typer) -> None:
    app.command("setup-motors")(setup_motors)


def setup_motors(
    port: PortOption,
    start: Annotated[
        Joint | None, typer.Option("--from", help="Begin with this joint; those before it are done.", metavar="JOINT")
    ] = None,
) -> None:
    """Give each servo the id of its joint and 1 Mbps: gripper (6) first, shoulder_pan (1) last, as LeRobot does.

    Connect them one after the other; those that are done may stay connected. Run it again to go on where it ended.
    """
    from so_arm.cli.line_input import LineInput
    from so_arm.hardware.setup.motor_setup import MotorSetup

    lines = LineInput()
    with arm_bus(port) as bus:
        setup = MotorSetup(bus)
        for joint in _remaining(setup, start):
            try:
                _one(setup, joint, lines)
            except (KeyboardInterrupt, UserError):
                console().print(f"to go on: so-arm setup-motors --port {port} --from {joint}", soft_wrap=True)
                raise
    console().print("All six servos have their ids. Next, when they are wired in a chain:")
    console().print(f"so-arm calibrate --port {port} --output my_arm.json", soft_wrap=True, markup=False)


def _remaining(setup: MotorSetup, start: Joint | None) -> list[str]:
    from so_arm.hardware.setup.motor_setup import IDS, ORDER

    done = setup.resume()
    if start is not None:
        return list(ORDER[ORDER.index(start.value) :])
    for joint in done:
        console().print(f"{joint}: servo {IDS[joint]} is connected and done")
    return [joint for joint in ORDER if joint not in done]


def _one(setup: MotorSetup, joint: str, lines: LineInput) -> None:
    """Asks until the servo of `joint` has its id."""
    from so_arm.hardware.setup.motor_setup import BAUD, IDS

    out = console()
    refusal = ""
    while True:
        beside = " (those that are done may stay connected)" if setup.done else ""
        out.print(f"Connect the servo of [bold]{joint}[/bold] to the board{beside}, then press Enter.", soft_wrap=True)
        try:
            lines.wait(f"the servo of {joint} was connected")
        except UserError as error:
            raise UserError(f"{error}{f'; the last answer was: {refusal}' if refusal else ''}") from error
        try:
            servo = setup.find(joint)
            if not _is_meant(servo, joint, lines):
                continue
            changed = setup.give(joint, servo)
        except UserError as error:
            refusal = str(error)
            out.print(refusal, style="red", soft_wrap=True, markup=False)
            continue
        was = f"servo {servo.id} at {servo.baud} baud is now {IDS[joint]} at {BAUD} baud" if changed else "had its id"
        out.print(f"{joint}: {was}", style="green")
        return


def _is_meant(servo: FoundServo, joint: str, lines: LineInput) -> bool:
    from so_arm.hardware.setup.motor_setup import IDS, owner

    other = owner(servo, joint)
    if other is None:
        return True
    console().print(
        f"This servo has id {servo.id}, that of {other}. y and Enter: give it {IDS[joint]} ({joint}) all the same; "
        "Enter: connect another one.",
        style="yellow",
        soft_wrap=True,
    )
    return lines.wait("the question was answered").lower() in ("y", "yes")
