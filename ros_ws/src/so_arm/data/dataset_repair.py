"""Takes a damaged dataset back to its last whole episodes. What cannot stay is moved aside, never deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from so_arm.core import files
from so_arm.core.counted import counted
from so_arm.core.errors import UserError
from so_arm.core.folder_lock import FolderLock
from so_arm.data.dataset_check import EpisodePlace, check, places_of
from so_arm.data.dataset_kind import require_dataset
from so_arm.data.dataset_schema import Record, load_info
from so_arm.data.dataset_staging import (
    FINISHED,
    INFO,
    RECORD_FILE,
    RECORDING,
    SPARE,
    STATS,
    TASKS,
    move_in,
    written_once,
)

LOST = "lost"


def repair(root: Path) -> Iterator[str]:
    """Do it, and say what was done, step by step; UserError when it cannot be done."""
    require_dataset(root)
    lock = FolderLock(root)
    try:
        yield from _Repair(root).steps()
    finally:
        lock.release()


class _Repair:
    def __init__(self, root: Path) -> None:
        self._root = root
        taken = [int(path.name) for path in (root / LOST).glob("[0-9]*") if path.name.isdigit()]
        self._lost = root / LOST / str(max(taken, default=0) + 1)

    def steps(self) -> Iterator[str]:
        root = self._root
        if (root / FINISHED).is_dir():
            move_in(root)
            yield "the newest episode, which was finished, was moved to its place"
        if (root / RECORDING).is_dir():
            yield self._aside(RECORDING, "an episode that was never finished")
        yield from self._metadata()
        if not (root / INFO).is_file():
            yield "there is no finished episode"
            return
        yield from self._strangers()
        yield from self._episodes()

    def _aside(self, name: str, what: str) -> str:
        target = self._lost / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._root / name).replace(target)
        return f"{name} ({what}) is now {target.relative_to(self._root)}"

    def _metadata(self) -> Iterator[str]:
        """Files of ``meta`` that cannot be read, from their spare copies."""
        readers = {INFO: files.read_json, STATS: files.read_json, TASKS: pq.read_table, RECORD_FILE: files.read_json}
        for name, read in readers.items():
            path, spare = self._root / name, self._root / SPARE / Path(name).name
            if _is_readable(path, read):
                continue
            if not _is_readable(spare, read):
                if name == RECORD_FILE or not (self._root / "data").is_dir():
                    continue
                raise UserError(f"{path} cannot be read, and there is no copy of it; restore it from a backup")
            if path.exists():
                yield self._aside(name, "unreadable")
            path.write_bytes(spare.read_bytes())
            yield f"{name} was restored from its copy"

    def _strangers(self) -> Iterator[str]:
        record = Record.load(self._root)
        if record is None or not record.manifest:
            return
        for name in sorted(set(written_once(self._root)) - set(record.manifest)):
            yield self._aside(name, "of no episode")
        if not record.complete:
            record.complete = True
            record.save(self._root)
            yield "the dataset is marked as complete"

    def _episodes(self) -> Iterator[str]:
        """Keep the episodes before the first damaged one."""
        found = check(self._root)
        info = load_info(self._root)
        places = self._readable_places(info)
        bad = min(found.bad, default=len(places))
        keep = _boundary(places, bad)
        if keep < len(places):
            yield f"episode {bad} is damaged: episodes {keep} to {len(places) - 1} are taken out"
            kept = {name for place in places[:keep] for name in place.files}
            for name in dict.fromkeys(name for place in places[keep:] for name in place.files):
                if name not in kept and (self._root / name).exists():
                    yield self._aside(name, "damaged, or after damage")
        if keep < len(places) or info["total_episodes"] != keep or found.problems:
            yield from self._rewrite(info, places[:keep])

    def _readable_places(self, info: dict[str, Any]) -> list[EpisodePlace]:
        try:
            return places_of(self._root, info)
        except UserError as error:
            raise UserError(f"{self._root}/meta/episodes: {error}; restore it from a backup") from error

    def _rewrite(self, info: dict[str, Any], places: list[EpisodePlace]) -> Iterator[str]:
        """Counts, statistics and notes of the episodes that are left."""
        from lerobot.datasets.compute_stats import aggregate_stats
        from lerobot.datasets.io_utils import write_stats

        root, count = self._root, len(places)
        stats = []
        for path in sorted((root / "meta/episodes").rglob("*.parquet")):
            table = pq.read_table(path)
            inside = pa.compute.less(table["episode_index"], count)
            left = table.filter(inside)
            if not len(left):
                name = str(path.relative_to(root))
                yield self._aside(name, "lists what was taken out")
            elif len(left) < len(table):
                with files.replacing(path) as target:
                    pq.write_table(left, target)
            stats += [_statistics(row) for row in left.to_pylist()]
        if stats:
            write_stats(aggregate_stats(stats), root)
        frames = sum(place.length for place in places)
        info |= {"total_episodes": count, "total_frames": frames, "splits": {"train": f"0:{count}"}}
        files.write_json(root / INFO, info)
        record = Record.load(root)
        if record is not None:
            record.notes, record.manifest = record.notes[:count], written_once(root)
            record.save(root)
        yield f"the dataset now has {counted(count, 'episode')}, {frames} frames"


def _boundary(places: list[EpisodePlace], bad: int) -> int:
    """The largest number of leading episodes, at most `bad`, that shares no file with a later one."""
    keep = bad
    while keep and set(places[keep - 1].files) & {name for place in places[keep:] for name in place.files}:
        keep -= 1
    return keep


def _statistics(row: dict[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """LeRobot's statistics of one episode: feature -> name -> values."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for column, value in row.items():
        if column.startswith("stats/") and value is not None:
            feature, _, name = column.removeprefix("stats/").rpartition("/")
            found.setdefault(feature, {})[name] = np.asarray(value, dtype=np.int64 if name == "count" else np.float64)
    return found


def _is_readable(path: Path, read: Any) -> bool:
    try:
        read(path)
    except (UserError, OSError, pa.ArrowException):
        return False
    return True
