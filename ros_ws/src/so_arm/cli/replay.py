"""``so-arm replay``: the recorded commands of a dataset to an arm, and how well it followed."""

from __future__ import annotations

import json
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption, OutputOption
from so_arm.cli.output import console, write_json
from so_arm.cli.run_folder import run_folder
from so_arm.data.joint_units import JointUnits

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from so_arm.core.following import Following
    from so_arm.data.recorded_episode import RecordedEpisode

LAUNCH_FILE = "replay_dataset.launch.xml"
COLUMNS = {
    "rms_deg": "off the commands",
    "rms_after_lag_deg": "the lag apart",
    "recorded_rms_after_lag_deg": "recorded arm, the lag apart",
    "difference_deg": "off the recorded arm",
}


class ReplayHardware(StrEnum):
    emulated = "emulated"
    real = "real"


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)


def replay(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of a LeRobot dataset (v3) of this arm.")],
    episode: Annotated[int, typer.Option(min=0, help="Number of the episode.")] = 0,
    units: Annotated[
        JointUnits | None,
        typer.Option(show_default="what the metadata tell", help="Units of the dataset's joints."),
    ] = None,
    hardware: Annotated[
        ReplayHardware, typer.Option("--hardware", help="emulated: an arm that is not there; real: one that moves.")
    ] = ReplayHardware.emulated,
    port: Annotated[
        str | None,
        typer.Option("--port", "-p", metavar="PORT", show_default=False, help="Serial port of the real arm."),
    ] = None,
    robot_id: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Has LeRobot's calibration of the arm.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Calibration of the arm.")
    ] = None,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Send the recorded commands of an episode to an arm at their recorded times, and say how well it followed.

    The arm first moves slowly to where the recording begins, so clear its way. Units: LeRobot's degrees, its -100..100
    over the calibrated range, degrees of LeRobot before 0.2, or radians; asked for where the dataset does not tell.
    """
    from so_arm.core.provenance import provenance

    arguments = _arguments(hardware, port, robot_id, calibration)
    recorded = _read(dataset, episode, units, hardware, arguments)
    settings = {
        "dataset": str(dataset),
        "episode": episode,
        "units": recorded.units.value,
        "hardware": hardware.value,
    }
    arguments |= {
        "dataset": str(dataset.expanduser().absolute()),
        "episode": str(episode),
        "units": recorded.units.value,
        "fps": str(round(recorded.fps)),
    }
    out = console(json_file)
    with run_folder(output, "replay", settings) as folder:
        out.print(f"what the nodes say goes to {folder / 'graph.log'}", markup=False)
        with out.status(f"the arm replays {recorded.time_s[-1]:.1f} s"):
            measured = _run(arguments, folder / "graph.log")
        report = settings | _compare(recorded, measured) | provenance()
        write_json(folder / "report.json", report)
        write_json(json_file, report)
    _show(out, report, folder)


def _arguments(
    hardware: ReplayHardware, port: str | None, robot_id: str | None, calibration: Path | None
) -> dict[str, str]:
    """Launch arguments that say which arm; an emulated one is found by nobody else."""
    from so_arm.core.errors import UserError

    if hardware is ReplayHardware.emulated:
        given = {"--port": port, "--robot-id": robot_id}
        if wrong := [name for name, value in given.items() if value is not None]:
            raise UserError(f"{wrong[0]}: only with --hardware real")
    elif port is None:
        raise UserError("--hardware real needs --port; `so-arm find-port` tells it")
    elif robot_id is None and calibration is None:
        raise UserError("--hardware real needs --robot-id or --calibration")
    arguments = {"hardware_type": hardware.value}
    if port is not None:
        arguments["usb_port"] = port
    if robot_id is not None:
        arguments["robot_id"] = robot_id
    if calibration is not None:
        arguments["calibration_file"] = str(calibration.expanduser().absolute())
    return arguments


def _read(
    dataset: Path, episode: int, units: JointUnits | None, hardware: ReplayHardware, arguments: dict[str, str]
) -> RecordedEpisode:
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.core.calibration_place import FOLLOWER, find_calibration
    from so_arm.core.paths import share_dir
    from so_arm.data.recorded_episode import read_episode

    calibration = None
    if units is JointUnits.range:
        example = str(share_dir() / "calibration" / "example_follower.json")
        file = arguments.get("calibration_file", example if hardware is ReplayHardware.emulated else "")
        calibration = read_calibration(find_calibration(file, arguments.get("robot_id", ""), FOLLOWER))
    return read_episode(dataset.expanduser(), episode, units, calibration)


def _run(arguments: dict[str, str], log: Path) -> np.ndarray:
    """Positions of the arm (T, 6) [rad] at the recorded times."""
    import numpy as np

    from so_arm.cli.graph_process import GraphLog, running_graph
    from so_arm.core.errors import UserError

    with tempfile.TemporaryDirectory(prefix="so_arm_replay_") as scratch, GraphLog(log) as said:
        results = Path(scratch) / "results.json"
        own = {"results_file": str(results)}
        if arguments["hardware_type"] == ReplayHardware.emulated:
            own["usb_port"] = str(Path(scratch) / "servos")
        with running_graph(LAUNCH_FILE, arguments | own, Path(scratch), said) as supervisor:
            while supervisor.step():
                pass
        if not results.is_file():
            reason = said.last_words.reason() or "no process failed"
            raise UserError(f"the replay came to no end: {reason} (all it said: {log})")
        return np.array(json.loads(results.read_text(encoding="utf-8"))["measured_rad"])


def _compare(recorded: RecordedEpisode, measured: np.ndarray) -> dict[str, Any]:
    from so_arm.core.following import following, rms_deg
    from so_arm.core.joints import GRIPPER, JOINT_NAMES

    body = slice(0, GRIPPER)
    ours = following(recorded.time_s, recorded.action, measured, body)
    theirs = following(recorded.time_s, recorded.action, recorded.state, body)
    values = _values(ours, "") | _values(theirs, "recorded_")
    values["difference_deg"] = rms_deg(recorded.state - measured)
    named = {key: dict(zip(JOINT_NAMES, row, strict=True)) for key, row in values.items()}
    return {
        "frames": len(recorded),
        "lag_ms": 1e3 * ours.lag_s,
        "recorded_lag_ms": 1e3 * theirs.lag_s,
        **named,
    }


def _values(found: Following, prefix: str) -> dict[str, list[float]]:
    return {f"{prefix}rms_deg": found.rms_deg, f"{prefix}rms_after_lag_deg": found.rms_after_lag_deg}


def _show(out: Console, report: dict[str, Any], folder: Path) -> None:
    out.print(_table(report))
    out.print(f"lag {report['lag_ms']:.0f} ms, of the recorded arm {report['recorded_lag_ms']:.0f} ms")
    out.print(f"report {folder / 'report.json'}", markup=False, soft_wrap=True)


def _table(report: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(title=f"RMS in degrees over {report['frames']} frames")
    table.add_column("joint")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for name in report["difference_deg"]:
        table.add_row(name, *(f"{report[key][name]:.2f}" for key in COLUMNS))
    return table
