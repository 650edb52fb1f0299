"""``so-arm bag record``: every message of all topics, or of some, into a bag."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from so_arm.cli.bag_node import run_bag_node
from so_arm.cli.options import JsonOption, OutputOption
from so_arm.cli.output import check_folder, console, write_json
from so_arm.core.errors import UserError

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def record(
    output: OutputOption = None,
    topics: Annotated[
        list[str] | None,
        typer.Option("--topics", "-t", metavar="TOPIC", help="Name or regular expression; may be repeated. [all]"),
    ] = None,
    split_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Begin a new file at this size, e.g. 1GB. [never]", show_default=False)
    ] = "",
    split_time: Annotated[
        float, typer.Option(metavar="S", min=0.0, help="Begin a new file after so many s. [never]", show_default=False)
    ] = 0.0,
    duration: Annotated[
        float, typer.Option(metavar="S", min=0.0, help="End after so many s. [Ctrl-C]", show_default=False)
    ] = 0.0,
    task: Annotated[str, typer.Option(help="What the arm is doing; kept with the bag.", show_default=False)] = "",
    robot_id: Annotated[str, typer.Option(help="Which arm it is; kept with the bag.", show_default=False)] = "",
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Calibration of the arm; its hash is kept with the bag.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Record topics into a bag, as they come, until Ctrl-C: `so-arm bag record -o drive -t '/follower/.*'`.

    Topics that begin later are recorded too. What was recorded is readable whatever happens to the recorder.
    """
    from datetime import datetime

    from so_arm.cli.bag_tables import bytes_text
    from so_arm.data.bags.selection import Selection

    folder = output or Path("runs") / f"bag-{datetime.now():%Y%m%d-%H%M%S}"
    check_folder(folder, "--output")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"--output {folder} already holds files; choose a new or an empty folder")
    Selection(topics or [])
    out = console(json_file)
    last: dict[str, Any] = {"topics": {}, "bytes": 0, "lost": 0, "missed": {}, "refused": {}}
    parameters = {
        "output": str(folder.absolute()),
        "topics": topics or [""],
        "split_size": parse_size(split_size),
        "split_time": float(split_time),
        "duration": float(duration),
        "task": task,
        "robot_id": robot_id,
        "calibration_file": str(calibration.absolute()) if calibration else "",
    }
    with out.status(f"recording to {folder}; Ctrl-C ends it") as status:

        def on_report(report: dict[str, Any]) -> None:
            last.update(report)
            status.update(
                f"{report['seconds']:.0f} s: {sum(report['topics'].values())} messages of {len(report['topics'])}"
                f" topics, {bytes_text(report['bytes'])}{_losses(report)}; Ctrl-C ends it"
            )

        repair = f"; what it recorded is in {folder}: so-arm bag check {folder} --repair"
        code = run_bag_node("bag_recorder", parameters, on_report, repair)
    if code:
        raise typer.Exit(code)
    messages = sum(last["topics"].values())
    out.print(f"{folder}: {messages} messages of {len(last['topics'])} topics{_losses(last)}", soft_wrap=True)
    for topic, count in last["topics"].items():
        out.print(f"  {topic}: {count}", markup=False)
    for topic, count in last["missed"].items():
        out.print(f"  {topic}: {count} lost on the way", markup=False)
    for topic, why in last["refused"].items():
        out.print(f"  {topic} is not recorded: {why}", markup=False, soft_wrap=True)
    write_json(json_file, {"bag": str(folder)} | last)
    if last["lost"] or last["missed"]:
        raise typer.Exit(1)


def parse_size(text: str) -> int:
    """Bytes in e.g. "1GB", "500 MB" or "2000000"; 0 for an empty text."""
    if not text:
        return 0
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)B?\s*", text)
    if not found:
        raise UserError(f"--split-size {text} is no size; give e.g. 500MB or 1GB")
    return round(float(found[1]) * _UNITS[found[2]])


def _losses(report: dict[str, Any]) -> str:
    disk = f", {report['lost']} lost: the disk is too slow" if report["lost"] else ""
    missed = sum(report["missed"].values())
    return disk + (f", {missed} lost on the way: this machine is too busy" if missed else "")
