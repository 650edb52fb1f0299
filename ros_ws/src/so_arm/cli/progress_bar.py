"""A progress bar with the time that is left, on standard error; a log gets a line every minute instead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from so_arm.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import BarColumn

_WIDEST_BAR = 40
_SECONDS_BETWEEN_LINES = 60.0


class Advance(Protocol):
    def __call__(self, done: int, unit: str | None = None) -> None:
        """`done` more of the total are done since the last call; `unit` takes the place of the one so far."""


@contextmanager
def progress_bar(what: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Yield the function that advances the bar. done: how many of `total` are there to begin with."""
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        flexible_bar(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    out = console(Path("-"))
    lines = LogLines(out)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task(unit, total=total, completed=done)

        def advance(done: int, unit: str | None = None) -> None:
            progress.update(bar, advance=done, description=unit)
            task = progress.tasks[0]
            left = "?" if task.time_remaining is None else f"{task.time_remaining / 60:.0f} min"
            lines.say(f"{what}: {task.completed:.0f} of {total} {task.description}, left: {left}")

        yield advance


def flexible_bar() -> BarColumn:
    """Where room is scarce, the bar gets what the words leave."""
    from rich.progress import BarColumn
    from rich.table import Column

    return BarColumn(bar_width=None, table_column=Column(max_width=_WIDEST_BAR))


class LogLines:
    """Lines for an output that cannot redraw a bar: one a minute, and none on a terminal."""

    def __init__(self, said: Console) -> None:
        self._said = said
        self._told = time.monotonic()

    def say(self, line: str) -> None:
        if not self._said.is_terminal and time.monotonic() - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self._said.print(line, markup=False, soft_wrap=True)
