"""``so-arm run``: a policy, with or without a residual, episode after episode until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.arm_choice import ArmChoice
from so_arm.cli.options import Hardware, JsonOption, NoResidualOption, OutputOption, PolicyOption, ResidualOption
from so_arm.cli.output import console, write_json
from so_arm.cli.recording_plan import RecordHardware
from so_arm.cli.run_folder import run_folder
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.cli.rollouts import Rollouts
    from so_arm.core.episode import EpisodeResult

_JUDGE = "judge each episode by `so-arm call episode_manager/succeed` or `.../fail`"


def register(app: typer.Typer) -> None:
    app.command("run")(run)


def run(
    policy: PolicyOption = None,
    residual: ResidualOption = None,
    no_residual: NoResidualOption = False,
    hardware: Annotated[RecordHardware, typer.Option(help="What is behind the joints.")] = RecordHardware.mujoco,
    task: Annotated[str, typer.Option(help="Task: pick_place or reach.")] = "pick_place",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode; the others follow it.")] = 100_000,
    port: Annotated[str, typer.Option("--port", "-p", metavar="PORT", show_default=False, help="Real arm: port.")] = "",
    robot_id: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Real arm: name of its calibration.")
    ] = "",
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Real arm: its calibration.")
    ] = None,
    cameras: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Real cameras: parameters, see launch/cameras.yaml."),
    ] = None,
    time_limit: Annotated[float, typer.Option(min=1.0, help="Real arm: an episode fails after this time [s].")] = 60.0,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Run a policy, and its residual, episode after episode in real time, until Ctrl-C.

    Makes a folder with report.json and what the nodes said. A real arm is driven home before each episode and then
    moves by itself; a person says how the episode ended.
    """
    from so_arm.cli.rollouts import ENDLESS, Rollouts, chosen_residual, released_policy

    correction = chosen_residual(policy, residual, no_residual)
    arm = ArmChoice(port, robot_id, calibration)
    more = _real_arguments(hardware, arm, cameras, time_limit)
    rollouts = Rollouts(policy or released_policy(), correction, task, "v3", "none", seed, ENDLESS).checked()
    settings = rollouts.described() | {"hardware": hardware.value, "clock": "real time"}
    out = console(json_file)
    with run_folder(output, "run", settings) as folder:
        out.print(f"policy {settings['policy']}, residual {settings['residual'] or 'none'}", markup=False)
        out.print(f"starting the node graph; what the nodes say goes to {folder / 'graph.log'}", markup=False)
        if hardware is RecordHardware.real:
            out.print(_JUDGE, markup=False)
        results = _run(rollouts, folder, out, hardware, more)
        report = _report(results, settings | {"seeds": [result.seed for result in results]})
        write_json(folder / "report.json", report)
        write_json(json_file, report)
    _show(out, report, folder, json_file)


def _real_arguments(
    hardware: RecordHardware, arm: ArmChoice, cameras: Path | None, time_limit_s: float
) -> dict[str, str]:
    """Launch arguments; UserError for an arm or cameras that cannot work, or that are not asked for."""
    from so_arm.core.calibration_place import FOLLOWER

    if hardware is not RecordHardware.real:
        given = {"--port": arm.port, "--robot-id": arm.robot_id, "--calibration": arm.calibration, "--cameras": cameras}
        for option, value in given.items():
            if value:
                raise UserError(f"{option} has a meaning only with --hardware real")
        return {}
    arm.check("", FOLLOWER)
    arguments = {
        "hardware_type": hardware.value,
        "usb_port": arm.port,
        "robot_id": arm.robot_id,
        "calibration_file": str(arm.calibration_file(FOLLOWER).absolute()),
        "time_limit": str(time_limit_s),
    }
    if cameras is not None:
        if not cameras.is_file():
            raise UserError(f"--cameras {cameras} does not exist; see launch/cameras.yaml")
        arguments["cameras_config_file"] = str(cameras.expanduser().absolute())
    return arguments


def _run(
    rollouts: Rollouts, folder: Path, out: Console, hardware: RecordHardware, more: dict[str, str]
) -> list[EpisodeResult]:
    """Until Ctrl-C after at least one episode."""
    from so_arm.cli.episode_view import EpisodeView
    from so_arm.cli.graph_rollouts import run_graph

    results: list[EpisodeResult] = []
    with EpisodeView(out, None, "waiting for the first episode") as view:

        def add(result: EpisodeResult) -> None:
            results.append(result)
            view.add(result)

        try:
            run_graph(
                rollouts,
                folder / "graph.log",
                add,
                lockstep=False,
                hardware=Hardware.emulated if hardware is RecordHardware.emulated else Hardware.mujoco,
                on_ready=view.ready,
                more=more,
            )
        except KeyboardInterrupt:
            if not results:
                raise
    return results


def _report(results: list[EpisodeResult], settings: dict[str, Any]) -> dict[str, Any]:
    from so_arm.analysis.report import build_report
    from so_arm.core.provenance import provenance

    return build_report(results, settings | provenance())


def _show(out: Console, report: dict[str, Any], folder: Path, json_file: Path | None) -> None:
    from so_arm.cli.episode_view import json_row, summary_table

    out.print(summary_table(report, [("report", str(folder / "report.json")), *json_row(json_file)]))
