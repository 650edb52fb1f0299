"""Plots of an evaluation, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from so_arm.core.episode import EpisodeResult
from so_arm.core.files import replacing
from so_arm.core.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUCCESS_COLOUR = "#2a9d5c"
FAILURE_COLOURS = {
    "no_approach": "#6c757d",
    "missed_grasp": "#8e5ea2",
    "dropped": "#d1495b",
    "misplaced": "#e88d2a",
    "timeout": "#3a7ca5",
}
OTHER_COLOUR = "#222222"


def write_plots(
    folder: Path, results: Sequence[EpisodeResult], object_starts: Mapping[int, tuple[float, float]]
) -> list[Path]:
    """Write the plots as PNG into `folder` and return their paths.

    object_starts: seed to the object's (x, y) [m] in `base_link` when the episode began; may be empty.
    """
    figures = {"steps.png": steps_histogram(results), "reward.png": reward_per_episode(results)}
    if object_starts:
        figures["success_by_position.png"] = success_by_position(results, object_starts)
    paths = []
    for name, figure in figures.items():
        path = folder / name
        with replacing(path) as target:
            figure.savefig(target, dpi=110)
        paths.append(path)
    return paths


def success_by_position(results: Sequence[EpisodeResult], object_starts: Mapping[int, tuple[float, float]]) -> Figure:
    """Where the object lay at the start of each episode, by outcome; seen from behind the robot."""
    figure, axes = _figure("Outcome by start position of the object", (7.4, 5.4))
    for outcome, colour, members in _by_outcome(results):
        xy = np.array([object_starts[result.seed] for result in members])
        mark = "o" if outcome == "success" else "X"
        label = f"{outcome} ({len(members)})"
        axes.scatter(xy[:, 1], xy[:, 0], color=colour, marker=mark, s=42, alpha=0.8, lw=0, label=label)
    axes.invert_xaxis()  # y points to the left
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("y [m], left of the robot is left")
    axes.set_ylabel("x [m], away from the robot")
    _legend(figure, axes)
    return figure


def steps_histogram(results: Sequence[EpisodeResult]) -> Figure:
    """How many control ticks the episodes took, by outcome."""
    figure, axes = _figure("Length of the episodes", (7.4, 4.0))
    groups = _by_outcome(results)
    longest = max((result.steps for result in results), default=1)
    axes.hist(
        [[result.steps for result in members] for _, _, members in groups],
        bins=np.linspace(0, longest, 25).tolist(),
        stacked=True,
        color=[colour for _, colour, _ in groups],
        label=[outcome for outcome, _, _ in groups],
    )
    axes.set_xlabel("control ticks (30 per second)")
    axes.set_ylabel("episodes")
    _legend(figure, axes)
    return figure


def reward_per_episode(results: Sequence[EpisodeResult]) -> Figure:
    """Summed reward of every episode in the order of the seeds, and the success rate so far beneath."""
    figure, axes = _figure("Reward per episode", (8.0, 5.0), rows=2)
    number_of = {result.seed: number for number, result in enumerate(results, start=1)}
    for outcome, colour, members in _by_outcome(results):
        numbers = [number_of[result.seed] for result in members]
        axes.bar(numbers, [result.reward for result in members], color=colour, width=0.8, label=outcome)
    axes.axhline(0.0, color="0.3", lw=0.8)
    axes.set_ylabel("sum of rewards")
    _legend(figure, axes)
    _success_so_far(figure.axes[1], results)
    return figure


def _success_so_far(axes: Axes, results: Sequence[EpisodeResult]) -> None:
    tried = np.arange(1, len(results) + 1)
    won = np.cumsum([result.success for result in results])
    bounds = np.array([wilson_interval(int(w), int(n)) for w, n in zip(won, tried, strict=True)])
    axes.fill_between(tried, bounds[:, 0], bounds[:, 1], color=SUCCESS_COLOUR, alpha=0.2, lw=0, label="95 % interval")
    axes.plot(tried, won / tried, color=SUCCESS_COLOUR, label="success rate so far")
    axes.set_ylim(0, 1)
    axes.set_xlabel("episode")
    axes.legend(fontsize=8)


def _legend(figure: Figure, axes: Axes) -> None:
    """Beside the plot, where it hides nothing."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", fontsize=8)


def _figure(title: str, size_inch: tuple[float, float], rows: int = 1) -> tuple[Figure, Axes]:
    """A figure outside of pyplot (no global state, no window) and its first axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inch, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for each in axes:
        each.grid(alpha=0.25)
        each.spines[["top", "right"]].set_visible(False)
    axes[0].set_title(title)
    return figure, axes[0]


def _by_outcome(results: Sequence[EpisodeResult]) -> list[tuple[str, str, list[EpisodeResult]]]:
    """(outcome, colour, its episodes): success first, then the failure kinds by name; none of them empty."""
    groups: dict[str, list[EpisodeResult]] = {}
    for result in results:
        groups.setdefault("success" if result.success else result.failure or "failure", []).append(result)
    failures = sorted(set(groups) - {"success"})
    ordered = (["success"] if "success" in groups else []) + failures
    colours = {**FAILURE_COLOURS, "success": SUCCESS_COLOUR}
    return [(kind.replace("_", " "), colours.get(kind, OTHER_COLOUR), groups[kind]) for kind in ordered]
