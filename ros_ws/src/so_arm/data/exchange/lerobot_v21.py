"""LeRobot v2.1 datasets become v3 through LeRobot's own converter, on a copy, with what is missing said beforehand."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from so_arm.core.errors import UserError
from so_arm.core.files import read_json

_DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
_META = ("episodes.jsonl", "episodes_stats.jsonl", "tasks.jsonl")
#: LeRobot's converter takes every information for granted.
_NEEDED = ("fps", "features", "total_episodes", "total_chunks", "total_videos", "video_path")
_SHOWN = 8


def check_complete(root: Path) -> list[int]:
    """Rows of each episode; UserError that says which part of the v2.1 dataset in `root` is missing."""
    info = read_json(root / "meta" / "info.json")
    if absent := [name for name in _NEEDED if name not in info]:
        raise UserError(f"{root} is incomplete: meta/info.json has no {', '.join(absent)}")
    if missing := [name for name in _META if not (root / "meta" / name).is_file()]:
        raise UserError(f"{root} is incomplete: meta/{', meta/'.join(missing)} is missing")
    episodes = _json_lines(root / "meta" / "episodes.jsonl", "episode_index", "length")
    if not episodes:
        raise UserError(f"{root} holds no episode")
    with_stats = {e["episode_index"] for e in _json_lines(root / "meta" / "episodes_stats.jsonl", "episode_index")}
    numbers = sorted(episode["episode_index"] for episode in episodes)
    if unknown := [number for number in numbers if number not in with_stats]:
        raise UserError(f"{root} is incomplete: episodes_stats.jsonl lacks {_listed(unknown)}")
    _check_files(root, info, numbers)
    for episode in episodes:
        _check_rows(root / _place(info, "data_path", episode["episode_index"]), episode)
    return [int(episode["length"]) for episode in sorted(episodes, key=lambda episode: episode["episode_index"])]


def convert(root: Path, target: Path) -> None:
    """Make `target`, which must not exist yet, the v3 form of the complete v2.1 dataset `root`, which stays."""
    copy = target.parent / f"{target.name}.v21"
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, copy, ignore_errors=True)
        cleanup.callback(shutil.rmtree, copy.with_name(f"{copy.name}_old"), ignore_errors=True)
        shutil.copytree(root, copy, copy_function=_link)
        cleanup.enter_context(_quietly())
        from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset

        try:
            convert_dataset(f"local/{target.name}", root=copy, push_to_hub=False, force_conversion=True)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, pa.ArrowException) as error:
            raise UserError(f"LeRobot's converter cannot convert {root}: {error or error!r}") from error
        copy.rename(target)


def _check_files(root: Path, info: dict[str, Any], numbers: list[int]) -> None:
    lost = [number for number in numbers if not (root / _place(info, "data_path", number)).is_file()]
    if lost:
        only = "there is only metadata, " if not (root / "data").is_dir() and not (root / "videos").is_dir() else ""
        raise UserError(
            f"{root} is incomplete: {only}no data file of {_listed(lost)} of {len(numbers)} "
            f"(as {_place(info, 'data_path', lost[0])}); fetch the whole dataset"
        )
    cameras = [key for key, feature in info["features"].items() if feature.get("dtype") == "video"]
    for key in cameras:
        lost = [number for number in numbers if not (root / _place(info, "video_path", number, key)).is_file()]
        if lost:
            raise UserError(f"{root} is incomplete: no video {key} of {_listed(lost)} of {len(numbers)}")


def _check_rows(path: Path, episode: dict[str, Any]) -> None:
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if rows != episode["length"]:
        raise UserError(f"{path} has {rows} rows, but episodes.jsonl lists {episode['length']}")


def _place(info: dict[str, Any], what: str, number: int, key: str = "") -> str:
    template = info.get(what) or _DATA_PATH
    chunk = number // int(info.get("chunks_size") or 1000)
    return template.format(episode_chunk=chunk, episode_index=number, video_key=key)


def _json_lines(path: Path, *needed: str) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if all(name in row for row in rows for name in needed):
            return rows
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    raise UserError(f"{path} is damaged: a line lacks {' or '.join(needed)}")


def _listed(numbers: list[int]) -> str:
    """Numbers of episodes in ranges, the first ones."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    shown = ", ".join(f"{first} to {last}" if last > first else f"{first}" for first, last in ranges[:_SHOWN])
    return f"episode{'s' if len(numbers) > 1 else ''} {shown}{' and more' if len(ranges) > _SHOWN else ''}"


def _link(source: str, target: str) -> None:
    """The converter only reads the old files: a second name for them is enough where the disk can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextlib.contextmanager
def _quietly() -> Any:
    """Without the converter's log lines; its progress bars only for people."""
    import datasets

    datasets.disable_progress_bars()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
