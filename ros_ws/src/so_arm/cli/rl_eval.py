"""``so-arm rl-eval``: a base policy against the same policy with a residual, on the same seeds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption, OutputOption
from so_arm.cli.output import console, write_json
from so_arm.cli.progress_bar import progress_bar
from so_arm.cli.run_folder import run_folder
from so_arm.core.errors import UserError
from so_arm.core.files import write_json as write_json_file

if TYPE_CHECKING:
    from so_arm.analysis.residual_report import Pair
    from so_arm.cli.residual_rollouts import PairedSetup, Run
    from so_arm.core.judged_episode import JudgedEpisode

MAX_DELAY_TICKS = 5
REPORT, PAGE = "report.json", "report.html"


def register(app: typer.Typer) -> None:
    app.command("rl-eval")(rl_eval)


def rl_eval(
    policy: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="LeRobot policy folder: the base. [required]")
    ] = None,
    residual: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained residual; without it the residual is zero.")
    ] = None,
    task: Annotated[str, typer.Option(help="Task: pick_place or reach.")] = "pick_place",
    episodes: Annotated[int, typer.Option(min=1, help="Number of episodes of each.")] = 200,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the first episode; the others follow one by one.")
    ] = 100_000,
    delay: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=MAX_DELAY_TICKS,
            metavar="TICKS",
            show_default="0",
            help="Also with this latency of the policy [control ticks]; may be given several times.",
        ),
    ] = None,
    bound: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            show_default="as trained",
            help="Narrower bound of the residual, as share of each joint's half range: one number, or six with commas.",
        ),
    ] = None,
    reward: Annotated[str, typer.Option(help="Reward: v1, v2, v3 or file:PATH.")] = "v3",
    randomisation: Annotated[str, typer.Option(help="Domain randomisation: none, light or full.")] = "none",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, show_default="all cores", help="Processes that share the episodes (same results)."),
    ] = None,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Measure what a residual makes of a policy: base against base + residual, episode by episode.

    Makes a folder with report.json and report.html: success, length and smoothness, failures before and after, where
    it fails, what the residual does, and videos of the episodes that changed. The same seeds give the same report.
    """
    from so_arm.cli.gym_rollouts import default_workers
    from so_arm.cli.residual_rollouts import PairedSetup
    from so_arm.cli.rollouts import Rollouts, no_policy_error

    if policy is None:
        raise no_policy_error()
    rollouts = Rollouts(policy, residual, task, reward, randomisation, seed, episodes).checked()
    setup = PairedSetup(rollouts, _shares(bound))
    _, bound_in_force = setup.residual()
    delays = sorted({0, *(delay or [])})
    settings = rollouts.described() | {"bound": bound_in_force.tolist()}
    with run_folder(output, "rl-eval", settings | {"delays": delays}) as folder:
        pairs = _run(setup, delays, workers or default_workers())
        report = _report(setup, pairs, settings)
        write_json_file(folder / REPORT, report)
        write_json(json_file, report)
        _write_page(folder, setup, pairs[0], report)
    _show(report, folder, json_file)


def _shares(text: str | None) -> tuple[float, ...]:
    if text is None:
        return (1.0,)
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UserError(f"--bound {text}: expected one number or six with commas, e.g. 0.05") from None


def _run(setup: PairedSetup, delays: list[int], workers: int) -> dict[int, Pair]:
    from so_arm.analysis.residual_report import Pair
    from so_arm.cli.residual_rollouts import Run, planned_runs, run_all

    runs = planned_runs(setup.rollouts, delays)
    won: Counter[tuple[int, bool]] = Counter()
    done: Counter[tuple[int, bool]] = Counter()
    with progress_bar("judging", len(runs), "loading the policy") as advance:

        def on_done(run: Run, episode: JudgedEpisode) -> None:
            done[run.delay, run.corrected] += 1
            won[run.delay, run.corrected] += episode.result.success
            sides = [(run.delay, corrected) for corrected in (False, True)]
            base, corrected = (f"{won[side] / done[side]:.0%}" if done[side] else "-" for side in sides)
            late = f"delay {run.delay}: " if run.delay else ""
            advance(1, f"{late}base {base}, residual {corrected}")

        found = run_all(setup, runs, workers, on_done)

    def side(delay: int, corrected: bool) -> list[JudgedEpisode]:
        return [found[Run(delay, corrected, seed)] for seed in setup.rollouts.seeds]

    return {delay: Pair(side(delay, False), side(delay, True)) for delay in delays}


def _report(setup: PairedSetup, pairs: dict[int, Pair], settings: dict[str, Any]) -> dict[str, Any]:
    from so_arm.analysis.residual_report import residual_report
    from so_arm.cli.object_starts import object_poses
    from so_arm.core.provenance import provenance

    return residual_report(pairs, object_poses(setup.rollouts), settings, provenance())


def _write_page(folder: Path, setup: PairedSetup, pair: Pair, report: dict[str, Any]) -> None:
    from so_arm.analysis.residual_page import residual_page
    from so_arm.cli.residual_videos import changed_videos, pictures_of
    from so_arm.core.files import write_text

    with progress_bar("drawing the videos", pictures_of(pair), "pictures") as advance:
        videos = changed_videos(setup.rollouts, pair, lambda: advance(1))
    write_text(folder / PAGE, residual_page(report, videos))


def _show(report: dict[str, Any], folder: Path, json_file: Path | None) -> None:
    from so_arm.analysis.residual_rows import (
        COLUMNS,
        DELAY_COLUMNS,
        delay_rows,
        figure_rows,
        outcome_rows,
        verdict_rows,
    )
    from so_arm.cli.episode_view import json_row
    from so_arm.cli.residual_tables import grid, table

    out = console(json_file)
    kinds, outcomes = outcome_rows(report)
    out.print(table("", COLUMNS, figure_rows(report)))
    caption = "rows: how the base ended; columns: how the same seeds ended with the residual"
    out.print(table("base", kinds, outcomes, caption))
    if len(report["delays"]) > 1:
        out.print(table("delay", DELAY_COLUMNS, delay_rows(report)))
    places = [("page", str(folder / PAGE)), ("report", str(folder / REPORT)), *json_row(json_file)]
    out.print(grid([*verdict_rows(report), *places]))
    out.print(f"\n{report['advice']}", markup=False)
