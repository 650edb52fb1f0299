"""``so-arm find-cameras``: which camera is which device, and whether a frame comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from so_arm.hardware.setup.cameras import CameraReport


NO_FRAME = 1


def register(app: typer.Typer) -> None:
    app.command("find-cameras")(find_cameras)


def find_cameras(
    also: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="Look at this URL or file too; repeatable.")
    ] = None,
    width: Annotated[int, typer.Option(min=16, max=4096, help="Requested width [px].")] = 640,
    height: Annotated[int, typer.Option(min=16, max=4096, help="Requested height [px].")] = 480,
    fps: Annotated[float, typer.Option(min=1.0, max=240.0, help="Requested rate [Hz].")] = 30.0,
    json_file: JsonOption = None,
) -> None:
    """List the cameras of this machine, with the name for a cameras file, and take one frame from each.

    Exit code 0: frames came, from every --also too; 1: none came, or not from an --also.
    """
    from rich.markup import escape

    from so_arm.hardware.setup.cameras import cameras, look

    out = console(json_file)
    reports = []
    with out.status("") as status:
        for device in cameras(also or []):
            status.update(f"waiting for a frame of {escape(device.path)}")
            reports.append(look(device, (width, height), fps))
    if reports:
        out.print(_table(reports))
    else:
        out.print("no camera; plug one in (/dev/video* is empty)")
    data = [
        {"device": r.device.path, "name": r.device.name, "source": r.source, "size": r.size, "verdict": r.verdict}
        for r in reports
    ]
    write_json(json_file, {"cameras": data})
    if not _seeing(reports, also or []):
        raise typer.Exit(NO_FRAME)


def _seeing(reports: Sequence[CameraReport], also: Sequence[str]) -> bool:
    """A camera that nobody asked for may be one that nobody needs."""
    blind = {r.device.path for r in reports if r.size is None} | {r.source for r in reports if r.size is None}
    return any(r.size is not None for r in reports) and not blind & set(also)


def _table(reports: Sequence[CameraReport]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for column in ("device", "name", "source for the cameras file", "frame"):
        table.add_column(column, overflow="fold")
    for report in reports:
        verdict = escape(report.verdict)
        table.add_row(
            *map(escape, (report.device.path, report.device.name, report.source)),
            f"[green]{verdict}[/green]" if report.size else verdict,
        )
    return table
