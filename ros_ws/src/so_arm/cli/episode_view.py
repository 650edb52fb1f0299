"""Episodes for people: a line for each as it ends, a progress bar with the rate so far, tables at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from so_arm.cli.output import STANDARD_OUTPUT
from so_arm.core.episode import EpisodeResult


class EpisodeView:
    """Used as a context around the run; call `add` with each result."""

    def __init__(self, console: Console, total: int | None, waiting: str) -> None:
        """total: None for episodes without end. waiting: what to say until the first episode has ended."""
        self._console = console
        self._done = 0
        self._won = 0
        self._total = total
        count = () if total is None else (MofNCompleteColumn(),)
        left = () if total is None else (TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=False))
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            *count,
            TimeElapsedColumn(),
            *left,
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar = self._progress.add_task(waiting, total=total)

    def __enter__(self) -> EpisodeView:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def ready(self, node: str) -> None:
        """Say that a node is up: with policy and simulation to load, the start takes a while."""
        self._progress.console.print(f"{node} is ready", soft_wrap=True)

    def add(self, result: EpisodeResult) -> None:
        self._done += 1
        self._won += result.success
        rate = f"success so far {self._won}/{self._done} ({self._won / self._done:.0%})"
        number = f"{self._done:>{len(str(self._total))}}/{self._total}" if self._total else str(self._done)
        self._progress.console.print(
            f"episode {number}  seed {result.seed}  {_outcome(result):<12}  "
            f"reward {result.reward:8.1f}  {result.steps:3d} steps  {rate}",
            style="green" if result.success else "red",
            soft_wrap=True,
        )
        self._progress.update(self._bar, advance=1, description=rate)


def episode_table(results: Sequence[EpisodeResult]) -> Table:
    """One row per episode."""
    table = Table(title="Episodes", title_justify="left")
    for name in ("episode", "seed", "success", "reward", "steps", "seconds"):
        table.add_column(name, justify="left" if name == "success" else "right")
    for number, result in enumerate(results, start=1):
        mark = "[green]yes[/]" if result.success else f"[red]no, {_outcome(result)}[/]"
        cells = (
            str(number),
            str(result.seed),
            mark,
            f"{result.reward:.1f}",
            str(result.steps),
            f"{result.seconds:.1f}",
        )
        table.add_row(*cells)
    return table


def summary_table(
    report: dict[str, Any], more: Sequence[tuple[str, str]] = (), rate_name: str = "success rate"
) -> Table:
    """The figures of a report, and `more` rows of (name, value)."""
    table = Table.grid(padding=(0, 2))
    rows = [
        (rate_name, rate_text(report)),
        ("mean reward", f"{report['mean_reward']:.1f}"),
        ("mean steps", f"{report['mean_steps']:.1f}"),
    ]
    if report["failures"]:
        counts = ", ".join(f"{count} x {kind.replace('_', ' ')}" for kind, count in report["failures"].items())
        rows.append(("failures", counts))
    for name, value in (*rows, *more):
        table.add_row(f"[bold]{name}[/]", escape(value))
    return table


def rate_text(report: dict[str, Any]) -> str:
    """The success rate of a report with its interval."""
    low, high = report["success_ci95"]
    return f"{report['success_rate']:.1%}   (95 % interval {low:.1%} to {high:.1%})"


def json_row(json_target: Path | None) -> list[tuple[str, str]]:
    """A row for `summary_table` that says where ``--json`` went, if it went to a file."""
    return [] if json_target in (None, STANDARD_OUTPUT) else [("JSON", str(json_target))]


def _outcome(result: EpisodeResult) -> str:
    return "success" if result.success else (result.failure or "failure").replace("_", " ")
