"""Where a verb's results go: lines for people, JSON for machines, a run directory for files."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.provenance import provenance

if TYPE_CHECKING:
    from rich.console import Console

STANDARD_OUTPUT = Path("-")


def console(json_target: Path | None = None) -> Console:
    """Rich console for people: standard output, or standard error when ``--json -`` claims standard output."""
    from rich.console import Console

    return Console(stderr=json_target == STANDARD_OUTPUT, highlight=False)


def check_json_target(target: Path | None) -> Path | None:
    """Refuse a ``--json`` file that could not be written, before the work starts rather than after it."""
    if target is None or target == STANDARD_OUTPUT:
        return target
    if target.is_dir():
        raise UserError(f"--json {target} is a folder; give a file name or '-'")
    in_place = target.exists() and not target.is_file()  # a device or a pipe
    place = target if in_place else next(parent for parent in target.absolute().parents if parent.exists())
    if not (os.access(place, os.W_OK) if in_place else files.takes_files(place)):
        raise UserError(f"--json {target}: cannot write to {place}; choose another file or '-'")
    return target


def check_folder(folder: Path, option: str) -> None:
    """Refuse a folder that could not be made or filled, before anything slow begins."""
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UserError(f"{option} {folder}: {place} is a file; choose a folder")
    if not files.takes_files(place):
        raise UserError(f"{option} {folder}: cannot write to {place}; choose another folder")


def write_json(target: Path | None, data: object) -> None:
    """Write `data` to the ``--json`` target: a file (whole or not at all), standard output, or nowhere."""
    if target == STANDARD_OUTPUT:
        sys.stdout.write(files.json_text(data))
        sys.stdout.flush()
    elif target is not None:
        files.write_json(target, data)


def check_output(folder: Path | None, resume: bool = False) -> None:
    """UserError where `run_directory` cannot put anything; for commands that take a while until they call it."""
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder} is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()) and not resume:
        raise UserError(f"--output {folder} already holds files; choose a new or an empty folder")


def run_directory(output: Path | None, verb: str, settings: dict[str, Any] | None = None, resume: bool = False) -> Path:
    """Make the run directory (default ``runs/VERB-DATE-TIME``) with a config.json holding the exact command.

    A folder that already holds files is refused, unless this run resumes the one that made it.
    """
    folder = output or Path("runs") / f"{verb}-{datetime.now():%Y%m%d-%H%M%S}"
    check_output(folder, resume)
    config = provenance() | {"verb": verb, "settings": settings or {}}
    files.write_json(folder / "config.json", config)
    return folder
