"""A LeRobot dataset as plain arrays for training: every video is decoded once, samples are array slices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE, Record, cameras_of, check_joint_features, load_info

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainingArrays:
    """All N frames of E episodes, in episode order.

    state, action: (N, 6) float32 in LeRobot units. images: camera -> (N, h, w, 3) uint8, memory-mapped.
    episode_start, episode_end: (E,) first frame and frame after the last.
    """

    state: np.ndarray
    action: np.ndarray
    images: dict[str, np.ndarray]
    episode_start: np.ndarray
    episode_end: np.ndarray
    fps: int
    notes: list[dict]
    extra: dict

    @property
    def cameras(self) -> dict[str, tuple[int, int]]:
        """Camera name -> (height, width) [px]."""
        return {name: frames.shape[1:3] for name, frames in self.images.items()}

    def __len__(self) -> int:
        return len(self.state)


def load_training_arrays(root: Path, progress: Progress | None = None) -> TrainingArrays:
    """Read the LeRobot v3 dataset in `root`; decoded frames are cached in ``root/.frames``.

    `progress(camera, frames done, frames in all)` is called while decoding.
    """
    info = load_info(root)
    check_joint_features(root, info)
    record = Record.load(root) or Record()
    if not record.complete:
        raise UserError(f"the recording of {root} was cut off; run the command that recorded it again, it will resume")
    if info["total_episodes"] < 1:
        raise UserError(f"{root} holds no episode")
    cameras = cameras_of(info)
    if not cameras:
        raise UserError(f"{root} has no feature {IMAGE_PREFIX}*; a policy needs at least one camera")
    table = _read(root, "data", [STATE, ACTION, "index"]).sort_by("index")
    episodes = _read(root, "meta/episodes", None).sort_by("episode_index")
    length = episodes["length"].to_numpy()
    end = np.cumsum(length)
    if end[-1] != len(table):
        raise UserError(f"{root}: episodes have {end[-1]} frames, but data/ has {len(table)}")
    return TrainingArrays(
        state=_matrix(table[STATE]),
        action=_matrix(table[ACTION]),
        images={name: _frames(root, name, size, episodes, info["fps"], progress) for name, size in cameras.items()},
        episode_start=end - length,
        episode_end=end,
        fps=int(info["fps"]),
        notes=record.notes,
        extra=record.extra,
    )


def _read(root: Path, folder: str, columns: list[str] | None) -> pa.Table:
    paths = sorted((root / folder).rglob("*.parquet"))
    if not paths:
        raise UserError(f"{root}/{folder} holds no parquet file")
    return pa.concat_tables([_table(path, columns) for path in paths], promote_options="default")


def _table(path: Path, columns: list[str] | None) -> pa.Table:
    """All columns but LeRobot's statistics, whose types vary from one episode to the next."""
    wanted = columns or [name for name in pq.read_schema(path).names if not name.startswith("stats/")]
    return pq.read_table(path, columns=wanted)


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    return np.stack(column.to_numpy()).astype(np.float32)


def _frames(
    root: Path, camera: str, size: tuple[int, int], episodes: pa.Table, fps: int, progress: Progress | None
) -> np.ndarray:
    """All frames (N, h, w, 3) of one camera, decoded or from the cache."""
    key = IMAGE_PREFIX + camera
    length = episodes["length"].to_numpy()
    starts = np.cumsum(length) - length
    total = int(length.sum())
    chunk, file = (episodes[f"videos/{key}/{what}_index"].to_numpy() for what in ("chunk", "file"))
    first = np.rint(episodes[f"videos/{key}/from_timestamp"].to_numpy() * fps).astype(int)
    paths = [root / f"videos/{key}/chunk-{c:03d}/file-{f:03d}.mp4" for c, f in zip(chunk, file, strict=True)]
    cache = root / ".frames" / f"{camera}-{_fingerprint(paths, total)}.npy"
    if not cache.is_file():
        for stale in cache.parent.glob(f"{camera}-*.npy"):
            stale.unlink()
        with files.replacing(cache) as target:
            out = np.lib.format.open_memmap(target, "w+", np.uint8, (total, *size, 3))
            for path in dict.fromkeys(paths):
                rows = np.array([i for i, other in enumerate(paths) if other == path])
                _decode(path, out, np.stack([first[rows], starts[rows], length[rows]], axis=1))
                if progress:
                    progress(camera, int(starts[rows[-1]] + length[rows[-1]]), total)
            out.flush()
            del out
    return np.load(cache, mmap_mode="r")


def _decode(path: Path, out: np.ndarray, spans: np.ndarray) -> None:
    """Put the frames of one video in place; a span is (first frame in the video, first frame in `out`, count)."""
    wanted = {int(first + i): int(start + i) for first, start, count in spans for i in range(count)}
    found = 0
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                out[wanted[index]] = frame.to_ndarray(format="rgb24")
                found += 1
    if found != len(wanted):
        raise UserError(f"{path} has {found} of the {len(wanted)} frames that the dataset lists")


def _fingerprint(paths: list[Path], total: int) -> str:
    parts = [str(total)]
    for path in dict.fromkeys(paths):
        if not path.is_file():
            raise UserError(f"{path} is missing from the dataset")
        stat = path.stat()
        parts.append(f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
