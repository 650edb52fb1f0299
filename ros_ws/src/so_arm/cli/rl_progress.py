"""The line that says how far residual training is; it fits a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.learning.residual.run_folder import Report

_WIDEST_BAR = 40


@contextmanager
def training_progress(said: Console) -> Iterator[Callable[[Report], None]]:
    """Yield what brings the line on `said` up to date. Where room is scarce, the bar gets what the words leave."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.fields[phase]}"),
        BarColumn(bar_width=None, table_column=Column(max_width=_WIDEST_BAR)),
        TaskProgressColumn(),
        TextColumn("step {task.fields[step]}"),
        TextColumn("{task.fields[success]}"),
        TextColumn("left: {task.fields[left]}"),
    )
    with Progress(*columns, console=said) as progress:
        bar = progress.add_task("", total=1.0, phase="starting", step=0, success="", left="?")

        def show(report: Report) -> None:
            progress.update(
                bar,
                completed=report.progress,
                phase=report.phase,
                step=report.step,
                success=_success(report),
                left="?" if report.remaining_s is None else f"{max(report.remaining_s, 0.0) / 60:.0f} min",
            )

        yield show


def _success(report: Report) -> str:
    """While exploring, and of the best residual so far on the episodes that choose it."""
    rates = {"success": report.success, "best": report.best_success}
    return ", ".join(f"{name} {rate:.0%}" for name, rate in rates.items() if rate is not None)
