"""The seeds of an emulated run again, through the MuJoCo bridge in lockstep, and how the two compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from so_arm.analysis.report import build_report
from so_arm.cli.episode_view import EpisodeView, rate_text
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.statistics import mean, wilson_interval


def run_bridge(rollouts: Rollouts, folder: Path, out: Console, emulated: Sequence[EpisodeResult]) -> dict[str, Any]:
    """Report of the bridge's episodes; what its nodes say goes to `folder`."""
    from so_arm.cli.graph_rollouts import run_graph

    out.print("\nthe same seeds through the MuJoCo bridge, in lockstep")
    with EpisodeView(out, rollouts.episodes, "waiting for the first episode") as progress:
        bridge = run_graph(rollouts, folder / "bridge.log", progress.add, lockstep=True)
    return compare(emulated, bridge)


def compare(emulated: Sequence[EpisodeResult], bridge: Sequence[EpisodeResult]) -> dict[str, Any]:
    """`mujoco_bridge`: its report. `within`: whether the rate of one lies in the other's interval."""
    return {
        "mujoco_bridge": build_report(bridge, {"through": "graph", "hardware": "mujoco", "clock": "lockstep"}),
        "within": _lies_in(emulated, bridge) or _lies_in(bridge, emulated),
    }


def _lies_in(results: Sequence[EpisodeResult], others: Sequence[EpisodeResult]) -> bool:
    low, high = wilson_interval(sum(other.success for other in others), len(others))
    return low <= mean([result.success for result in results]) <= high


def comparison_rows(comparison: dict[str, Any]) -> list[tuple[str, str]]:
    """For `summary_table`."""
    verdict = "one lies within" if comparison["within"] else "neither lies within"
    return [
        ("MuJoCo bridge", rate_text(comparison["mujoco_bridge"])),
        ("the two rates", f"{verdict} the other's interval"),
    ]
