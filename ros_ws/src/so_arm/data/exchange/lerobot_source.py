"""A LeRobot v3 dataset read as it is on disk: any robot, its own units, images only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import ACTION, Record, load_info
from so_arm.data.episode_places import Listed, listed_episodes, rows_file, video_file, video_start_s
from so_arm.data.exchange.delta_names import are_deltas
from so_arm.data.exchange.episode import Episode, Feature, Layout
from so_arm.data.exchange.video_frames import StoredImages, VideoClip

#: Columns that LeRobot writes itself.
BOOKKEEPING = frozenset({"timestamp", "frame_index", "episode_index", "index", "task_index"})


class LeRobotSource:
    """Episodes of the LeRobot v3 dataset in `root`; UserError when it is none, or its files do not fit together."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._info = load_info(root)
        record = Record.load(root)
        if record is not None and not record.complete:
            raise UserError(f"the recording of {root} was cut off or is still going on; finish it first")
        self.record = record or Record()
        self.warnings: list[str] = []
        self.layout = self._layout(record)
        self._episodes = listed_episodes(root)
        if not self._episodes:
            raise UserError(f"{root} is incomplete: meta/episodes holds no parquet file with an episode")
        self.lengths = [int(row["length"]) for row in self._episodes]
        self._tasks = self._read_tasks()
        self._open: tuple[Path, pa.Table] | None = None

    def episodes(self) -> Iterator[Episode]:
        return (self.episode(number) for number in range(len(self.lengths)))

    def episode(self, number: int) -> Episode:
        """Episode `number`; UserError when there is none."""
        if not 0 <= number < len(self.lengths):
            raise UserError(f"{self._root} has episodes 0 to {len(self.lengths) - 1}, there is no episode {number}")
        row = self._episodes[number]
        rows = self._rows(row)
        columns = {key: _matrix(rows[key], feature) for key, feature in self.layout.features.items()}
        frames = {key: self._frames(key, row, rows) for key in self.layout.images}
        return Episode(columns, frames, self._task(rows, number))

    def _layout(self, record: Record | None) -> Layout:
        features, images = {}, {}
        for key, entry in self._info["features"].items():
            if key in BOOKKEEPING:
                continue
            shape = tuple(int(size) for size in entry.get("shape") or (1,))
            if entry["dtype"] in ("video", "image"):
                channels_first = entry.get("names") and str(entry["names"][0]).startswith("channel")
                images[key] = (shape[1], shape[2]) if channels_first else (shape[0], shape[1])
            elif _is_number(entry["dtype"]):
                features[key] = Feature(entry["dtype"], shape, entry.get("names"))
            else:
                self.warnings.append(f"{key} ({entry['dtype']}) is left out: it is neither numbers nor images")
        if ACTION not in features:
            raise UserError(f"{self._root}: feature {ACTION} is missing; it has {', '.join(features) or 'none'}")
        return Layout(
            fps=int(self._info["fps"]),
            robot_type=str(self._info.get("robot_type") or "unknown"),
            features=features,
            images=images,
            units=record.units if record else None,
            delta_actions=are_deltas(features[ACTION].names),
        )

    def _rows(self, row: Listed) -> pa.Table:
        number = row["episode_index"]
        path = self._root / rows_file(self._info, row)
        if self._open is None or self._open[0] != path:
            self._open = path, _table(path)
        table = self._open[1]
        missing = {*self.layout.features, "episode_index", "frame_index"} - set(table.column_names)
        if missing:
            raise UserError(f"{path} has no column {', '.join(sorted(missing))}")
        found = table.filter(pc.equal(table["episode_index"], number)).sort_by("frame_index")
        if len(found) != row["length"]:
            raise UserError(f"{path} has {len(found)} of the {row['length']} rows of episode {number}")
        return found

    def _frames(self, key: str, row: Listed, rows: pa.Table) -> Iterable[np.ndarray]:
        if self._info["features"][key]["dtype"] == "image":
            return StoredImages(rows[key], f"{self._root}: {key} of episode {row['episode_index']}")
        video = self._root / video_file(self._info, row, key)
        return VideoClip(video, video_start_s(row, key), float(self._info["fps"]), int(row["length"]))

    def _read_tasks(self) -> dict[int, str]:
        path = self._root / "meta" / "tasks.parquet"
        if not path.is_file():
            return {}
        rows = _table(path).to_pylist()
        return {row["task_index"]: str(row.get("task", row.get("__index_level_0__", ""))) for row in rows}

    def _task(self, rows: pa.Table, number: int) -> str:
        indices = pc.unique(rows["task_index"]).to_pylist() if "task_index" in rows.column_names else []
        if len(indices) > 1:
            self.warnings.append(f"episode {number} has {len(indices)} instructions; the first one is taken")
        return self._tasks.get(indices[0], "") if indices else ""


def _is_number(dtype: str) -> bool:
    try:
        return np.dtype(dtype).kind in "biuf"
    except TypeError:
        return False


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing from the dataset") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _matrix(column: pa.ChunkedArray, feature: Feature) -> np.ndarray:
    """(T, *shape) in the feature's type."""
    values = np.array(column.to_pylist(), dtype=feature.dtype)
    return values.reshape(len(column), *feature.shape)
