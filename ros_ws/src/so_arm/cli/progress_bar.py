"""A progress bar with the time that is left, on standard error where that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from so_arm.cli.output import console


class Advance(Protocol):
    def __call__(self, done: int, unit: str | None = None) -> None:
        """`done` more of the total are done since the last call; `unit` takes the place of the one so far."""


@contextmanager
def progress_bar(what: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Yield the function that advances the bar. done: how many of `total` are there to begin with."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    out = console(Path("-"))
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task(unit, total=total, completed=done)
        yield lambda done, unit=None: progress.update(bar, advance=done, description=unit)
