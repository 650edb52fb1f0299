"""Episodes are recorded beside the dataset and moved in when they are whole, so that what readers see is always whole.

``.recording`` is a dataset of its own that goes on where the real one ends; only its new files count. Renamed to
``.finished`` it is complete and on disk: from then on it belongs to the dataset, and its files are moved to their
places, those that LeRobot reads first last of all. A process that dies before the rename loses what it was recording;
one that dies after it loses nothing, the next one moves the rest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.core.files import sync

RECORDING, FINISHED = ".recording", ".finished"
INFO, STATS, TASKS, RECORD_FILE = "meta/info.json", "meta/stats.json", "meta/tasks.parquet", "meta/so_arm.json"
#: Files that every episode changes; the rest is written once. `RECORD_FILE` is our own: `dataset_schema.Record`.
REWRITTEN = (TASKS, STATS, RECORD_FILE, INFO)
#: Copies of those, for the day when one is damaged.
SPARE = "meta/durable"
_WRITTEN_ONCE = ("videos", "data", "meta/episodes")


def written_once(root: Path) -> list[str]:
    """Files of finished episodes, relative to `root`, in the order in which they are to be moved in."""
    return [str(path.relative_to(root)) for folder in _WRITTEN_ONCE for path in _files(root / folder)]


def prepare(root: Path) -> Path:
    """The folder to record in: new, or with the metadata that LeRobot needs to go on."""
    staging = root / RECORDING
    if staging.exists():
        shutil.rmtree(staging)
    if not (root / INFO).is_file():
        return staging
    for name in (INFO, STATS, TASKS):
        _copy(root / name, staging / name)
    # LeRobot goes on from the last episode; reading all of them would take longer with every one.
    for path in _files(root / "meta/episodes")[-1:]:
        _link(path, staging / path.relative_to(root))
    return staging


def commit(root: Path) -> None:
    """What is in `RECORDING` is complete: make it durable, and part of the dataset."""
    staging = root / RECORDING
    for name in written_once(root):
        (staging / name).unlink(missing_ok=True)
    for name in REWRITTEN:
        _copy(staging / name, staging / SPARE / Path(name).name)
    for folder, _, names in os.walk(staging):
        for name in names:
            sync(Path(folder) / name)
        sync(Path(folder))
    staging.replace(root / FINISHED)
    sync(root)
    move_in(root)


def move_in(root: Path) -> bool:
    """Move the files of a `FINISHED` folder to their places; False when there is none."""
    finished = root / FINISHED
    if not finished.is_dir():
        return False
    spares = [f"{SPARE}/{Path(name).name}" for name in REWRITTEN]
    for name in (*written_once(finished), *spares, *REWRITTEN):
        if (finished / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (finished / name).replace(root / name)
    shutil.rmtree(finished)
    for folder in ("meta", "."):
        sync(root / folder)
    return True


def roll_back_old_layout(root: Path, manifest: Iterable[str]) -> None:
    """An earlier version recorded in place and left a manifest: files that it does not list are of no whole episode."""
    for name in set(written_once(root)) - set(manifest):
        (root / name).unlink()
    for path in root.iterdir():
        if path.is_dir() and path.name.startswith(("tmp", "images")):
            shutil.rmtree(path)  # LeRobot's, for the episode in progress
    for name in (INFO, STATS, TASKS):
        spare = root / SPARE / Path(name).name
        if spare.is_file():
            shutil.copy2(spare, root / name)


def check_whole(root: Path) -> None:
    """UserError when `root` has episodes but lacks a file of its own."""
    if not (root / INFO).is_file():
        return
    missing = [name for name in (STATS, TASKS) if not (root / name).is_file()]
    if missing:
        raise UserError(f"{root}: {' and '.join(missing)} missing; so-arm dataset repair {root} may help")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    """Nobody changes these files, so that the same one serves twice."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
