"""Is a dataset whole? Everything is read: metadata, every row, every frame of every video."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.folder_lock import is_being_written
from so_arm.data.dataset_kind import require_dataset
from so_arm.data.dataset_schema import (
    ACTION,
    IMAGE_PREFIX,
    STATE,
    Record,
    cameras_of,
    check_joint_features,
    columns_of,
    load_info,
)
from so_arm.data.dataset_staging import FINISHED, INFO, RECORDING, STATS, TASKS, written_once
from so_arm.data.episode_places import Listed, listed_episodes, rows_file, video_file, video_start_s

#: LeRobot takes a frame whose stamp is that near to the one asked for [s].
_STAMP_TOLERANCE_S = 1e-4


@dataclass(frozen=True)
class EpisodePlace:
    """Where one episode is. files: relative to the dataset, its rows first, then a video per camera.

    first_frame: camera -> number of its first frame in the video.
    """

    number: int
    length: int
    files: tuple[str, ...]
    first_frame: dict[str, int]


@dataclass
class DatasetCheck:
    """problems: what keeps others from reading it. notes: what is worth knowing. bad: numbers of damaged episodes."""

    episodes: int = 0
    frames: int = 0
    fps: int = 0
    cameras: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    calibration: str = ""
    being_written: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)


def check(root: Path, on_episode: Callable[[int, int], None] | None = None) -> DatasetCheck:
    """What is wrong with the dataset in `root`; UserError when there is nothing that could be one.

    on_episode: called with the episodes that were read and all of them.
    """
    found = DatasetCheck()
    require_dataset(root)
    found.being_written = is_being_written(root)
    _note_leftovers(root, found)
    if not (root / "meta").is_dir() and not (root / "data").is_dir():
        found.notes.append("no episode was finished yet")
        return found
    info = _metadata(root, found)
    if info is None:
        return found
    places = _places(root, info, found)
    if places:
        _check_rows(root, places, info, found)
        _check_videos(root, places, info, found, on_episode)
    _check_totals(info, places, found)
    _check_record(root, found)
    return found


def places_of(root: Path, info: Mapping[str, Any]) -> list[EpisodePlace]:
    """All episodes that LeRobot's metadata list; UserError names a file that cannot be read."""
    return [_place(row, info) for row in listed_episodes(root)]


def _place(row: Listed, info: Mapping[str, Any]) -> EpisodePlace:
    keys = {camera: IMAGE_PREFIX + camera for camera in cameras_of(info)}
    names = (rows_file(info, row), *(video_file(info, row, key) for key in keys.values()))
    first = {camera: round(video_start_s(row, key) * info["fps"]) for camera, key in keys.items()}
    return EpisodePlace(int(row["episode_index"]), int(row["length"]), names, first)


def _note_leftovers(root: Path, found: DatasetCheck) -> None:
    if (root / FINISHED).is_dir():
        found.problems.append(
            "the newest episode is finished but not in its place; the next recording, or repair, does it"
        )
    if (root / RECORDING).is_dir():
        found.notes.append(
            "an episode is being recorded" if found.being_written else "a recording died in its last episode"
        )
    elif found.being_written:
        found.notes.append("another process is writing to it")


def _metadata(root: Path, found: DatasetCheck) -> dict[str, Any] | None:
    """LeRobot's info, None when it cannot be used; what else is in ``meta`` must be readable."""
    for name, read in ((STATS, files.read_json), (TASKS, pq.read_table)):
        try:
            read(root / name)
        except (UserError, OSError, pa.ArrowException) as error:
            found.problems.append(f"{name} cannot be read: {_reason(error)}")
    try:
        info = load_info(root)
        _note_foreign_joints(root, info, found)
        found.fps, found.columns = int(info["fps"]), columns_of(info)
        found.cameras = {name: f"{width}x{height} px" for name, (height, width) in cameras_of(info).items()}
    except UserError as error:
        found.problems.append(str(error))
        return None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        found.problems.append(f"{INFO} is damaged: {type(error).__name__} {error}")
        return None
    return info


def _note_foreign_joints(root: Path, info: dict[str, Any], found: DatasetCheck) -> None:
    try:
        check_joint_features(root, info)
    except UserError as error:
        found.notes.append(str(error))


def _places(root: Path, info: dict[str, Any], found: DatasetCheck) -> list[EpisodePlace]:
    try:
        places = places_of(root, info)
    except (UserError, KeyError, TypeError) as error:
        found.problems.append(f"meta/episodes cannot be read: {_reason(error)}")
        return []
    found.episodes, found.frames = len(places), sum(place.length for place in places)
    numbers = [place.number for place in places]
    if numbers != list(range(len(places))):
        found.problems.append(f"meta/episodes lists episodes {numbers[:20]}, not 0 to {len(places) - 1}")
        return []
    return places


def _check_rows(root: Path, places: list[EpisodePlace], info: dict[str, Any], found: DatasetCheck) -> None:
    index = 0
    tables: dict[str, pa.Table | None] = {}
    for place in places:
        name = place.files[0]
        if name not in tables:
            tables = {name: _readable(root, name, found)}
        fault = _fault_of_rows(tables[name], place, index, float(info["fps"]))
        if fault:
            _blame(found, place.number, f"{name}: {fault}")
        index += place.length


def _fault_of_rows(table: pa.Table | None, place: EpisodePlace, first: int, fps: float) -> str:
    if table is None:
        return "unreadable"
    rows = table.filter(pa.compute.equal(table["episode_index"], place.number))
    if len(rows) != place.length:
        return f"{len(rows)} rows, but meta/episodes says {place.length}"
    ticks = np.arange(place.length)
    if (rows["frame_index"].to_numpy() != ticks).any() or (rows["index"].to_numpy() != first + ticks).any():
        return "its rows are not numbered one by one"
    off = np.abs(rows["timestamp"].to_numpy() - ticks / fps).max()
    if not off <= _STAMP_TOLERANCE_S:
        return f"a stamp is {off:.4f} s off the grid of {fps:g} Hz"
    for key in {STATE, ACTION} & set(rows.column_names):
        if not np.isfinite(np.stack(rows[key].to_numpy())).all():
            return f"{key} holds values that are not finite"
    return ""


def _check_videos(
    root: Path,
    places: list[EpisodePlace],
    info: dict[str, Any],
    found: DatasetCheck,
    on_episode: Callable[[int, int], None] | None,
) -> None:
    cameras = list(cameras_of(info).items())
    counted: dict[str, int | str] = {}
    wanted: dict[str, int] = {}
    for place in places:
        for name in place.files[1:]:
            wanted[name] = wanted.get(name, 0) + place.length
    for done, place in enumerate(places, 1):
        for (camera, size), name in zip(cameras, place.files[1:], strict=True):
            if name not in counted:
                counted[name] = _count_frames(root / name, size)
            frames = counted[name]
            if isinstance(frames, str):
                _blame(found, place.number, f"{name}: {frames}")
            elif place.first_frame[camera] + place.length > frames:
                _blame(found, place.number, f"{name}: {frames} of {wanted[name]} frames")
        if on_episode is not None:
            on_episode(done, len(places))


def _count_frames(path: Path, size: tuple[int, int]) -> int | str:
    """Frames that can be decoded, or what is wrong."""
    if not path.is_file():
        return "missing"
    count = 0
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if (frame.height, frame.width) != size:
                    return f"{frame.width}x{frame.height} px, expected {size[1]}x{size[0]} px"
                count += 1
    except (av.FFmpegError, IndexError, ValueError) as error:
        return f"cannot be decoded after {count} frames: {_reason(error)}"
    return count


def _check_totals(info: Mapping[str, Any], places: list[EpisodePlace], found: DatasetCheck) -> None:
    for name, count in (("total_episodes", len(places)), ("total_frames", found.frames)):
        if info.get(name) != count:
            found.problems.append(f"{INFO}: {name} is {info.get(name)}, but meta/episodes has {count}")


def _check_record(root: Path, found: DatasetCheck) -> None:
    try:
        record = Record.load(root)
    except UserError as error:
        found.problems.append(str(error))
        return
    if record is None:
        found.notes.append("it does not tell its units: it was not recorded here")
        return
    found.units, found.calibration = record.units, record.calibration
    if not record.complete:
        found.problems.append(
            "its recording was cut off; the next recording, or repair, takes it back to whole episodes"
        )
    if len(record.notes) != found.episodes:
        found.problems.append(f"meta/so_arm.json has notes of {len(record.notes)} episodes, not {found.episodes}")
    here = set(written_once(root))
    for what, names in (("missing", set(record.manifest) - here), ("of no episode", here - set(record.manifest))):
        found.problems += [f"{name}: {what}" for name in sorted(names)] if record.manifest else []


def _blame(found: DatasetCheck, episode: int, text: str) -> None:
    found.problems.append(f"episode {episode}: {text}")
    if episode not in found.bad:
        found.bad.append(episode)


def _readable(root: Path, name: str, found: DatasetCheck) -> pa.Table | None:
    try:
        return _parquet(root, root / name)
    except UserError as error:
        found.problems.append(str(error))
        return None


def _parquet(root: Path, path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path.relative_to(root)} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
