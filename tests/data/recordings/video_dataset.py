"""Small LeRobot v3 datasets with videos, in degrees, whose pictures tell their episode and tick."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.data.episodes import NEW_NAMES, write_dataset

from so_arm.core.units import lerobot_from_rad
from so_arm.data.dataset_schema import Record

CAMERAS = ("static", "wrist")
LENGTHS = (45, 30)
HOME = np.array([0.1, -0.9, 0.7, 1.2, -0.6, 0.3])


def motion(length: int, episode: int = 0) -> np.ndarray:
    """Commands (length, 6) [rad]."""
    return HOME + 0.3 * np.sin(2 * np.arange(length) / 30 + episode)[:, None]


def brightness(episode: int, tick: int, camera: str) -> int:
    """Of all pixels of the picture."""
    return 20 + 2 * tick + 60 * episode + 40 * CAMERAS.index(camera)


def write_video_dataset(
    root: Path,
    lengths: Sequence[int] = LENGTHS,
    cameras: Sequence[str] = CAMERAS,
    columns: Mapping[str, Sequence] | None = None,
    fps: int = 30,
    size: tuple[int, int] = (32, 48),
) -> Path:
    """`columns`: more features, one value per frame of the dataset."""
    moves = [lerobot_from_rad(motion(length, number)) for number, length in enumerate(lengths)]
    write_dataset(root, [(move, move - 1.0) for move in moves], NEW_NAMES, fps)
    Record().save(root)
    _add_columns(root, columns or {})
    listed = {"episode_index": list(range(len(lengths))), "tasks": [["Put it there."]] * len(lengths)}
    for camera in cameras:
        key = f"observation.images.{camera}"
        _write_video(root / f"videos/{key}/chunk-000/file-000.mp4", lengths, camera, fps, size)
        starts = np.cumsum([0, *lengths[:-1]]) / fps
        listed |= {f"videos/{key}/{name}_index": [0] * len(lengths) for name in ("chunk", "file")}
        listed |= {f"videos/{key}/from_timestamp": starts.tolist()}
    path = root / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(listed), path)
    change_info(root, features={f"observation.images.{camera}": {"dtype": "video"} for camera in cameras})
    return root


def change_info(root: Path, **changes: object) -> None:
    """Set fields of meta/info.json; features are added to those there are."""
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text())
    features = info["features"] | changes.pop("features", {})
    path.write_text(json.dumps(info | changes | {"features": features}))


def _add_columns(root: Path, columns: Mapping[str, Sequence]) -> None:
    path = root / "data" / "chunk-000" / "file-000.parquet"
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, path)
    change_info(root, features={name: {"shape": [1]} for name in columns})


def _write_video(path: Path, lengths: Sequence[int], camera: str, fps: int, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": "5", "g": "12"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for episode, length in enumerate(lengths):
            for tick in range(length):
                picture = np.full((*size, 3), brightness(episode, tick, camera), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
