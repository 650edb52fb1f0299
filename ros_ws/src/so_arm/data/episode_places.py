"""Where the files of a LeRobot v3 dataset have each episode, as meta/episodes tells it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from so_arm.core.errors import UserError

Listed = Mapping[str, Any]  # a row of meta/episodes
_DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


def listed_episodes(root: Path) -> list[Listed]:
    """What meta/episodes says of each episode, the statistics apart, in their order; UserError names a damaged file."""
    rows: list[Listed] = []
    for path in sorted((root / "meta" / "episodes").rglob("*.parquet")):
        try:
            columns = [name for name in pq.read_schema(path).names if not name.startswith("stats/")]
            rows += pq.read_table(path, columns=columns).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    return sorted(rows, key=lambda row: row["episode_index"])


def rows_file(info: Listed, row: Listed) -> str:
    """File with the rows of an episode, relative to the dataset. info: of ``meta/info.json``."""
    template = info.get("data_path") or _DATA_PATH
    return str(template.format(chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]))


def video_file(info: Listed, row: Listed, key: str) -> str:
    """File with the frames of an episode of the feature `key`, relative to the dataset."""
    template = info.get("video_path") or _VIDEO_PATH
    at = f"videos/{key}"
    indices = {"chunk_index": row[f"{at}/chunk_index"], "file_index": row[f"{at}/file_index"]}
    return str(template.format(video_key=key, **indices))


def video_start_s(row: Listed, key: str) -> float:
    """Where in that file the episode begins [s]."""
    return float(row[f"videos/{key}/from_timestamp"])
