"""``so-arm dataset``: is a dataset whole, back to its last whole episodes when it is not, and to a bag."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.cli.bag_conversion import to_bag
from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json
from so_arm.core.counted import counted
from so_arm.core.files import writing

if TYPE_CHECKING:
    from so_arm.data.dataset_check import DatasetCheck

EXIT_PROBLEMS = 1

DatasetArgument = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Folder of a LeRobot dataset (v3).", show_default=False)
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(rich_markup_mode="markdown")
    group.callback()(_group)
    group.command("check")(check)
    group.command("repair")(repair)
    group.command("to-bag")(to_bag)
    app.add_typer(group, name="dataset")


def _group() -> None:
    """Check and repair datasets, and make bags of them."""


def check(dataset: DatasetArgument, json_file: JsonOption = None) -> None:
    """Read all of a dataset: metadata, every row, every frame of every video; and say whether somebody writes to it.

    Exit code 0: whole; 1: something is wrong with it; 2: it is no dataset.
    """
    out = console(json_file)
    found = _read(dataset)
    for line in [*_lines(found), *(f"note: {note}" for note in found.notes)]:
        out.print(line, markup=False, soft_wrap=True)
    for problem in found.problems:
        out.print(f"problem: {problem}", markup=False, soft_wrap=True)
    write_json(json_file, {"dataset": str(dataset), "whole": not found.problems} | dataclasses.asdict(found))
    if found.problems:
        out.print(
            f"{counted(len(found.problems), 'problem')}; so-arm dataset repair {dataset}", markup=False, soft_wrap=True
        )
        raise typer.Exit(EXIT_PROBLEMS)
    out.print("whole")


def repair(dataset: DatasetArgument, json_file: JsonOption = None) -> None:
    """Take a dataset back to the episodes before the first damage; restore metadata from their copies.

    Nothing is deleted: what cannot stay is moved to DATASET/lost. Exit code 0: whole now; 1: something is still wrong;
    2: it cannot be repaired, or somebody writes to it.
    """
    from so_arm.data.dataset_repair import repair as steps

    out = console(json_file)
    done = []
    with writing(dataset):
        for step in steps(dataset):
            done.append(step)
            out.print(step, markup=False, soft_wrap=True)
    found = _read(dataset)
    write_json(json_file, {"dataset": str(dataset), "whole": not found.problems, "done": done})
    for problem in found.problems:
        out.print(f"problem: {problem}", markup=False, soft_wrap=True)
    if found.problems:
        raise typer.Exit(EXIT_PROBLEMS)
    out.print(
        f"whole: {counted(found.episodes, 'episode')}, {found.frames} frames"
        + ("" if done else "; there was nothing to do")
    )


def _read(dataset: Path) -> DatasetCheck:
    """The check, with a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from so_arm.data.dataset_check import check as check_dataset

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TextColumn("episodes, left:"))
    out = console(Path("-"))
    bars = Progress(*columns, TimeRemainingColumn(), console=out, transient=True, disable=not out.is_terminal)
    with bars as progress:
        bar = progress.add_task("", total=None)
        return check_dataset(dataset, lambda done, total: progress.update(bar, completed=done, total=total))


def _lines(found: DatasetCheck) -> Iterator[str]:
    """What the dataset is, for people."""
    seconds = found.frames / found.fps if found.fps else 0.0
    yield f"{counted(found.episodes, 'episode')}, {found.frames} frames at {found.fps} Hz ({seconds:.1f} s)"
    yield "cameras: " + (", ".join(f"{name} {size}" for name, size in found.cameras.items()) or "none")
    yield "columns: " + ", ".join(["observation.state", "action", *found.columns])
    units = ", ".join(f"{name} {unit}" for name, unit in found.units.items())
    yield f"units: {units or 'unknown'}; calibration: {found.calibration[:12] or 'none'}"
