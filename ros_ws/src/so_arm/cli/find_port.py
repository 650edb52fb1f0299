"""``so-arm find-port``: which arm is on which serial port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from so_arm.hardware.setup.ports import PortReport

PERMISSION_HELP = """No permission. For everybody who sits at this machine, once:
  echo '{rule}' | sudo tee {file}
  sudo udevadm control --reload && sudo udevadm trigger
or for you alone, and log in again after it:
  sudo usermod -aG dialout $USER"""


def register(app: typer.Typer) -> None:
    app.command("find-port")(find_port)


def find_port(
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="PORT", help="Ask this port too (it is not a USB port, or an emulated one); repeatable."),
    ] = None,
    unplug: Annotated[
        bool, typer.Option("--unplug", help="As LeRobot does: unplug an arm, and see which port vanishes.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Ask every USB serial port which servos are there, and say which arm that is. Nothing is written to them."""
    if unplug:
        _find_by_unplugging(also or [], json_file is None)
        return
    from rich.markup import escape

    from so_arm.hardware.setup.ports import probe, serial_devices

    out = console(json_file)
    devices = serial_devices(also or [])
    missing = sorted(set(also or []) - {device.path for device in devices})
    if missing:
        raise UserError(f"{missing[0]} does not exist; is the arm plugged in?")
    asked = [device for device in devices if device.is_usb or device.path in (also or [])]
    reports = []
    with out.status("") as status:
        for device in asked:
            status.update(f"asking {escape(device.path)}")
            reports.append(probe(device))
    _show(reports, out)
    if silent := [device.path for device in devices if device not in asked]:
        out.print(f"not asked, as they are not on USB (--also asks them): {', '.join(silent)}", soft_wrap=True)
    write_json(json_file, {"ports": [_as_data(report) for report in reports], "not_asked": silent})


def _show(reports: Sequence[PortReport], out: Console) -> None:
    if not reports:
        out.print("no USB serial port; plug the arm's USB cable in (and use one that carries data)")
        return
    out.print(_table(reports))
    if any(report.denied for report in reports):
        from so_arm.hardware.feetech.port import UDEV_FILE, UDEV_LINE

        text = PERMISSION_HELP.format(rule=UDEV_LINE, file=UDEV_FILE)
        out.print(text, soft_wrap=True, markup=False)


def _table(reports: Sequence[PortReport]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for column in ("port", "serial no.", "servos", "supply", "what it is"):
        table.add_column(column, overflow="fold")
    for report in reports:
        voltage = "" if report.voltage is None else f"{report.voltage:.1f} V"
        device = report.device
        verdict = escape(report.verdict)
        table.add_row(
            escape(device.path),
            escape(device.serial_number),
            _servos(report),
            voltage,
            f"[green]{verdict}[/green]" if report.is_arm else verdict,
        )
    return table


def _servos(report: PortReport) -> str:
    """Ids by model and rate, such as ``1 2 3: STS3215, 1000000 baud``."""
    groups: dict[str, list[str]] = {}
    for servo in report.servos:
        groups.setdefault(f"{_model(servo.model)}, {servo.baud} baud", []).append(str(servo.id))
    return "\n".join(f"{' '.join(ids)}: {what}" for what, ids in groups.items())


def _model(number: int | None) -> str:
    from so_arm.hardware.feetech.registers import MODEL_STS3215

    return {MODEL_STS3215: "STS3215", None: "unreadable"}.get(number, f"model {number}")


def _as_data(report: PortReport) -> dict[str, Any]:
    return {
        "port": report.device.path,
        "description": report.device.description,
        "serial_number": report.device.serial_number,
        "servos": [servo._asdict() for servo in report.servos],
        "voltage": report.voltage,
        "is_arm": report.is_arm,
        "verdict": report.verdict,
    }


def _find_by_unplugging(also: list[str], for_people: bool) -> None:
    from so_arm.cli.line_input import LineInput
    from so_arm.hardware.setup.ports import VANISHING_S, serial_devices, vanished

    if not for_people:
        raise UserError("--unplug and --json do not go together; --unplug asks somebody to pull a cable")
    out = console()
    before = serial_devices(also)
    if not before:
        raise UserError("no serial port is there; plug the arm in first")
    out.print(f"There are: {', '.join(device.path for device in before)}", soft_wrap=True, markup=False)
    out.print("Unplug the USB cable of the arm you look for, then press Enter.")
    LineInput().wait("a cable was unplugged")
    out.print(f"Looking which one is gone (up to {VANISHING_S:.0f} s).")
    out.print(f"It is {vanished(before, also).path}; plug it in again.", soft_wrap=True, markup=False)
