"""The seeds of a run with a residual again, by the policy alone, and how the two compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from so_arm.analysis.report import build_report
from so_arm.cli.episode_view import EpisodeView, rate_text
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult


def run_base(rollouts: Rollouts, folder: Path, out: Console) -> dict[str, Any]:
    """Report of the policy alone, through the MuJoCo bridge; what its nodes say goes to `folder`."""
    from so_arm.cli.graph_rollouts import run_graph

    out.print("\nthe same seeds without the residual, through the MuJoCo bridge in lockstep")
    with EpisodeView(out, rollouts.episodes, "waiting for the first episode") as progress:
        results = run_graph(replace(rollouts, residual=None), folder / "base.log", progress.add, lockstep=True)
    return base_report(results)


def base_report(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    return build_report(results, {"through": "graph", "hardware": "mujoco", "clock": "lockstep", "residual": None})


def base_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    """For `summary_table`, below the rate of base + residual."""
    return [("success, policy alone", rate_text(report))]
