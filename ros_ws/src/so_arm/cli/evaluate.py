"""``so-arm eval``: how often a policy succeeds, and how it fails when it does not."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import Hardware, HardwareOption, JsonOption, OutputOption
from so_arm.cli.output import console, write_json
from so_arm.cli.run_folder import run_folder
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from so_arm.cli.episode_view import EpisodeView
    from so_arm.cli.rollouts import Rollouts
    from so_arm.core.episode import EpisodeResult


class Through(StrEnum):
    gym = "gym"
    graph = "graph"


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate)


def evaluate(
    policy: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="LeRobot policy folder. [required]")
    ] = None,
    residual: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained residual; without it the residual is zero.")
    ] = None,
    task: Annotated[str, typer.Option(help="Task: pick_place or reach.")] = "pick_place",
    episodes: Annotated[int, typer.Option(min=1, help="Number of episodes.")] = 20,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the first episode; the others follow one by one.")
    ] = 100_000,
    through: Annotated[
        Through, typer.Option(help="gym: without ROS; graph: every node in its own process, mujoco in lockstep.")
    ] = Through.gym,
    hardware: HardwareOption = Hardware.mujoco,
    reward: Annotated[str, typer.Option(help="Reward: v1, v2, v3 or file:PATH.")] = "v3",
    randomisation: Annotated[str, typer.Option(help="Domain randomisation: none, light or full.")] = "none",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, show_default="all cores", help="Processes that share the episodes (gym only; same results)."
        ),
    ] = None,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Measure the success rate of a policy over many episodes, with its 95 % Wilson interval.

    Makes a folder with report.json and plots. Through the graph and through gym the same seeds give the same outcomes.
    """
    from so_arm.cli.rollouts import Rollouts, no_policy_error, warn_of_another_task

    if policy is None:
        raise no_policy_error()
    if hardware is Hardware.emulated and through is Through.gym:
        raise UserError("--hardware emulated: only with --through graph")
    rollouts = Rollouts(policy, residual, task, reward, randomisation, seed, episodes).checked()
    settings = _settings(rollouts, through, hardware)
    warn_of_another_task(rollouts.policy, task)
    with run_folder(output, "eval", settings) as folder:
        results = _run(rollouts, through, hardware, workers, folder, json_file)
        report = _report(rollouts, results, settings)
        paths = _write(folder, rollouts, results, report)
        write_json(json_file, report)
    _show(report, paths, json_file)


def _run(
    rollouts: Rollouts,
    through: Through,
    hardware: Hardware,
    workers: int | None,
    folder: Path,
    json_file: Path | None,
) -> list[EpisodeResult]:
    from so_arm.cli.episode_view import EpisodeView

    with EpisodeView(console(json_file), rollouts.episodes, "waiting for the first episode") as view:
        return _runner(through, hardware, workers, folder)(rollouts, view)


def _runner(
    through: Through, hardware: Hardware, workers: int | None, folder: Path
) -> Callable[[Rollouts, EpisodeView], list[EpisodeResult]]:
    if through is Through.graph:
        from so_arm.cli.graph_rollouts import run_graph

        return lambda rollouts, view: run_graph(
            rollouts,
            folder / "graph.log",
            view.add,
            lockstep=hardware is Hardware.mujoco,
            hardware=hardware,
            on_ready=view.ready,
        )
    from so_arm.cli.gym_rollouts import default_workers, run_gym

    return lambda rollouts, view: run_gym(rollouts, workers or default_workers(), view.add)


def _settings(rollouts: Rollouts, through: Through, hardware: Hardware) -> dict[str, Any]:
    settings = rollouts.described() | {"through": through.value}
    return settings if through is Through.gym else settings | {"hardware": hardware.value}


def _report(rollouts: Rollouts, results: list[EpisodeResult], settings: dict[str, Any]) -> dict[str, Any]:
    from so_arm.analysis.report import build_report
    from so_arm.core.provenance import provenance

    return build_report(results, settings | provenance())


def _write(folder: Path, rollouts: Rollouts, results: list[EpisodeResult], report: dict[str, Any]) -> list[Path]:
    """Write report and plots; returns their paths."""
    from so_arm.analysis.plots import write_plots
    from so_arm.cli.object_starts import object_starts
    from so_arm.core.files import write_json as write_json_file

    path = folder / "report.json"
    write_json_file(path, report)
    return [path, *write_plots(folder, results, object_starts(rollouts))]


def _show(report: dict[str, Any], paths: list[Path], json_file: Path | None) -> None:
    from so_arm.cli.episode_view import json_row, summary_table

    places = [("written to", str(paths[0].parent)), *json_row(json_file)]
    out = console(json_file)
    out.print()
    out.print(summary_table(report, places))
