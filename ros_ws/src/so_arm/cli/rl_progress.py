"""The line that says how far residual training is; it fits a terminal of 80 columns. A log gets one every minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from so_arm.cli.progress_bar import LogLines, flexible_bar

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.learning.residual.run_folder import Report


@contextmanager
def training_progress(said: Console) -> Iterator[Callable[[Report], None]]:
    """Yield what brings the line on `said` up to date."""
    from rich.progress import Progress, TaskProgressColumn, TextColumn

    from so_arm.learning.residual.episodes import Kind

    columns = (
        TextColumn("{task.fields[phase]}"),
        flexible_bar(),
        TaskProgressColumn(),
        TextColumn("{task.fields[place]}"),
        TextColumn("{task.fields[success]}"),
        TextColumn("left: {task.fields[left]}"),
    )
    lines = LogLines(said)
    with Progress(*columns, console=said) as progress:
        bar = progress.add_task("", total=1.0, phase="starting", place="", success="", left="?")

        def show(report: Report) -> None:
            place, success, left = _place(report), _success(report), _left(report)
            phase = "" if report.phase == Kind.exploration else report.phase  # steps tell; the line is full
            progress.update(bar, completed=report.progress, phase=phase, place=place, success=success, left=left)
            lines.say(", ".join(filter(None, (report.phase, place, success, f"left: {left}"))))

        yield show


def _place(report: Report) -> str:
    """Ticks count exploration; before it, there are only episodes."""
    from so_arm.learning.residual.run_folder import PREPARING

    if report.phase == PREPARING:
        return "estimator and networks"
    if report.before is None:
        return f"step {report.step}"
    return f"episode {report.episodes} of {report.before} before learning"


def _left(report: Report) -> str:
    return "?" if report.remaining_s is None else f"{max(report.remaining_s, 0.0) / 60:.0f} min"


def _success(report: Report) -> str:
    """While exploring, then on the episodes that choose the best: of the last residual judged, and of the best."""
    judged = None if report.judged_success == report.best_success else report.judged_success
    rates = {"success": report.success, "eval": judged, "best": report.best_success}
    return ", ".join(f"{name} {rate:.0%}" for name, rate in rates.items() if rate is not None)
