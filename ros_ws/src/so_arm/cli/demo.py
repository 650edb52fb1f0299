"""``so-arm demo``: the whole node graph at work, from one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import (
    Hardware,
    HardwareOption,
    JsonOption,
    NoResidualOption,
    OutputOption,
    PolicyOption,
    ResidualOption,
    ViewOption,
    check_display,
)
from so_arm.cli.output import console, write_json
from so_arm.cli.run_folder import run_folder

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.cli.rollouts import Rollouts
    from so_arm.core.episode import EpisodeResult
    from so_arm.core.episode_record import EpisodeRecord

TASK, REWARD, RANDOMISATION = "pick_place", "v3", "none"
#: The released policy was trained on seeds below.
UNSEEN_SEED = 100_000


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    episodes: Annotated[int, typer.Option(min=1, help="Number of episodes.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode; the others follow it.")] = UNSEEN_SEED,
    policy: PolicyOption = None,
    residual: ResidualOption = None,
    no_residual: NoResidualOption = False,
    hardware: HardwareOption = Hardware.mujoco,
    lockstep: Annotated[
        bool, typer.Option("--lockstep", help="The simulation waits for the policy: same seed, same episode.")
    ] = False,
    view: ViewOption = False,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Watch the node graph of the SO-ARM100 pick and place on simulated physics.

    Every node is a process of its own, connected by ROS 2 topics, with a trained ACT policy in the loop, and on top of
    it a trained residual. Makes a folder with a video, report.json and what the nodes said. The same seeds then run
    without the residual, for comparison.

    With `--hardware emulated` the nodes that drive a real arm do the job on an emulated one, and the same seeds run
    through the MuJoCo bridge for comparison.
    """
    from so_arm.cli.base_comparison import run_base
    from so_arm.cli.bridge_comparison import run_bridge
    from so_arm.cli.rollouts import Rollouts, chosen_residual, released_policy
    from so_arm.core.errors import UserError

    if hardware is Hardware.emulated and (lockstep or view):
        raise UserError(f"--{'lockstep' if lockstep else 'view'}: only with --hardware mujoco")
    if view:
        check_display()
    correction = chosen_residual(policy, residual, no_residual)
    rollouts = Rollouts(policy or released_policy(), correction, TASK, REWARD, RANDOMISATION, seed, episodes).checked()
    settings = _settings(rollouts, hardware, lockstep)
    out = console(json_file)
    with run_folder(output, "demo", settings) as folder:
        results, records = _run(rollouts, folder, out, hardware, lockstep, view)
        report = _report(results, records, settings)
        if hardware is Hardware.emulated:
            report["comparison"] = run_bridge(rollouts, folder, out, results)
        if rollouts.residual is not None:
            report["policy_alone"] = run_base(rollouts, folder, out)
        _write_report(folder, report)
        video = _write_video(folder, rollouts, results, records, out)
        write_json(json_file, report)
    _show(out, results, report, video, json_file)


def _settings(rollouts: Rollouts, hardware: Hardware, lockstep: bool) -> dict[str, Any]:
    clock = "lockstep" if lockstep else "real time"
    return rollouts.described() | {"through": "graph", "hardware": hardware.value, "clock": clock}


def _run(
    rollouts: Rollouts, folder: Path, out: Console, hardware: Hardware, lockstep: bool, view: bool
) -> tuple[list[EpisodeResult], list[EpisodeRecord]]:
    from so_arm.cli.episode_view import EpisodeView
    from so_arm.cli.graph_rollouts import run_graph
    from so_arm.core.episode_record import EpisodeRecord, record_path

    record_dir = (folder / "episodes").absolute()
    out.print(f"starting the node graph; what the nodes say goes to {folder / 'graph.log'}", markup=False)
    with EpisodeView(out, rollouts.episodes, "waiting for the first episode") as progress:
        results = run_graph(
            rollouts,
            folder / "graph.log",
            progress.add,
            lockstep=lockstep,
            hardware=hardware,
            record_dir=record_dir,
            view=view,
            on_ready=progress.ready,
        )
    return results, [EpisodeRecord.load(record_path(record_dir, result.seed)) for result in results]


def _report(results: list[EpisodeResult], records: list[EpisodeRecord], settings: dict[str, Any]) -> dict[str, Any]:
    from so_arm.analysis.graph_timing import graph_timing
    from so_arm.analysis.report import build_report
    from so_arm.core.clock import CONTROL_HZ
    from so_arm.core.provenance import provenance

    report = build_report(results, settings | provenance())
    return report | {"graph": graph_timing(records, CONTROL_HZ)}


def _write_report(folder: Path, report: dict[str, Any]) -> None:
    from so_arm.core.files import write_json as write_json_file

    write_json_file(folder / "report.json", report)


def _write_video(
    folder: Path, rollouts: Rollouts, results: list[EpisodeResult], records: list[EpisodeRecord], out: Console
) -> Path:
    from rich.progress import Progress

    from so_arm.analysis.video import write_video
    from so_arm.cli.demo_video import plan_video
    from so_arm.core.clock import CONTROL_HZ

    path = folder / "demo.mp4"
    plan = plan_video(rollouts, results, records)
    out.print(f"drawing the video ({len(plan.episodes)} episodes, {plan.frames} frames)")
    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task("drawing the video", total=plan.frames)
        write_video(path, plan.clips(lambda: progress.advance(bar)), CONTROL_HZ, plan.stride)
    return path


def _show(
    out: Console, results: list[EpisodeResult], report: dict[str, Any], video: Path, json_file: Path | None
) -> None:
    from so_arm.cli.base_comparison import base_rows
    from so_arm.cli.bridge_comparison import comparison_rows
    from so_arm.cli.episode_view import episode_table, json_row, summary_table

    timing = report["graph"]
    comparison = comparison_rows(report["comparison"]) if "comparison" in report else []
    rate_name = "success rate"
    if "policy_alone" in report:
        comparison += base_rows(report["policy_alone"])
        rate_name = "success, policy + residual"
    unanswered = f"{timing['unanswered']} of {timing['ticks']} observations"
    out.print(episode_table(results))
    out.print(
        summary_table(
            report,
            [
                *comparison,
                ("graph latency", f"p50 {timing['latency_p50_ms']:.1f} ms, p99 {timing['latency_p99_ms']:.1f} ms"),
                *([("unanswered", unanswered)] if timing["unanswered"] else []),
                ("real-time factor", f"{timing['real_time_factor']:.2f}"),
                ("video", str(video)),
                ("report", str(video.with_name("report.json"))),
                *json_row(json_file),
            ],
            rate_name,
        )
    )
