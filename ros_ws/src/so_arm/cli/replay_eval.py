"""``so-arm replay-eval``: how a policy would have answered what was recorded, against what was done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption, OutputOption
from so_arm.cli.output import console, write_json
from so_arm.cli.progress_bar import progress_bar
from so_arm.cli.run_folder import run_folder
from so_arm.data.joint_units import JointUnits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from so_arm.data.recordings.recording import Recording
    from so_arm.learning.residual.corrector import Residual
    from so_arm.rewards.registry import RewardFunction

REPORT, TIMING, PAGE = "report.json", "timing.json", "report.html"


def register(app: typer.Typer) -> None:
    app.command("replay-eval")(replay_eval)


def replay_eval(
    recording: Annotated[Path, typer.Argument(metavar="BAG|DATASET", help="Folder of a bag or a LeRobot v3 dataset.")],
    policy: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", show_default=False, help="LeRobot policy folder; twice to compare two. [required]"),
    ] = None,
    residual: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained residual; without it the residual is zero.")
    ] = None,
    reward: Annotated[
        str | None,
        typer.Option(show_default="as recorded", help="Reward computed anew from /sim/state: v1, v2, v3 or file:PATH."),
    ] = None,
    episodes: Annotated[
        str | None, typer.Option(metavar="LIST", show_default="all", help="Episodes to judge, e.g. 0,3-5.")
    ] = None,
    delay: Annotated[
        int,
        typer.Option(min=0, max=1000, help="Control periods until a chunk is there, as live; 0: it is waited for."),
    ] = 0,
    units: Annotated[
        JointUnits | None,
        typer.Option(show_default="what the metadata tell", help="Units of a dataset's joints."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Calibration of the arm, for --units range.")
    ] = None,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Judge a policy from recordings: its answers to the recorded observations against what was done.

    Open loop, with the chunk timeline and residual that run live. Makes a folder with report.json, which is the same
    for the same recording and policy, and report.html, a page with plots and video.
    """
    from so_arm.analysis.replay_report import build_report, settings_of
    from so_arm.cli.replay_runs import chosen_episodes, judge, load_candidates, page_of, timing_of
    from so_arm.core.files import write_text

    folders = _policies(policy)
    correction, source = _residual(residual, folders), _reward(reward)
    opened = _open(recording.expanduser(), folders, units, calibration)
    chosen = chosen_episodes(episodes, len(opened))
    settings = settings_of(opened, folders, residual, reward, chosen, delay)
    out = console(json_file)
    with run_folder(output, "replay-eval", settings) as folder:
        with out.status("loading the policy"):
            candidates = load_candidates(folders, opened)
        begun = time.perf_counter()
        with progress_bar("replaying", len(chosen) * len(candidates), "episodes") as advance:
            judged = judge(opened, chosen, candidates, correction, source, delay, lambda: advance(1))
        took_s = time.perf_counter() - begun
        report = build_report(settings, judged.facts, judged.scores)
        timing = timing_of(judged, candidates, took_s, opened.fps)
        write_json(folder / REPORT, report)
        write_json(folder / TIMING, timing)
        with out.status("drawing the page"):
            write_text(folder / PAGE, page_of(report, timing, judged))
        write_json(json_file, report)
    _show(out, report, timing, folder, json_file)


def _policies(given: list[Path] | None) -> list[Path]:
    from so_arm.cli.rollouts import no_policy_error, policy_folder
    from so_arm.core.errors import UserError

    if not given:
        raise no_policy_error()
    folders = [policy_folder(folder) for folder in given]
    if len(folders) > 2:
        raise UserError(f"--policy is given {len(folders)} times; give one policy, or two to compare")
    if len(set(folders)) < len(folders):
        raise UserError(f"--policy {given[0]} is given twice; there is nothing to compare")
    return folders


def _residual(folder: Path | None, policies: list[Path]) -> Residual:
    """UserError unless it fits every policy that is judged."""
    from so_arm.learning.residual.corrector import Residual

    first, *_ = [Residual.load(folder, policy) for policy in policies]
    return first


def _reward(source: str | None) -> RewardFunction | None:
    from so_arm.rewards.registry import make_reward

    return None if source is None else make_reward(source)


def _open(path: Path, policies: Sequence[Path], units: JointUnits | None, calibration: Path | None) -> Recording:
    """A bag is put on the grid of the first policy; one of another rate is refused later, by name."""
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.core.chunk_settings import fps_of_policy
    from so_arm.data.recordings.recording import open_recording

    arm = None if calibration is None else read_calibration(calibration.expanduser())
    return open_recording(path, fps_of_policy(policies[0]), units, arm)


def _show(out: Console, report: dict[str, Any], timing: dict[str, Any], folder: Path, json_file: Path | None) -> None:
    from so_arm.cli.episode_view import json_row
    from so_arm.cli.replay_tables import recording_table, replay_tables

    for table in replay_tables(report, timing):
        out.print(table)
    places = [("page", str(folder / PAGE)), ("report", str(folder / REPORT)), *json_row(json_file)]
    out.print(recording_table(report, timing, places))
