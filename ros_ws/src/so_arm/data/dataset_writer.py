"""Writes LeRobot v3 datasets through LeRobot's own API, and keeps them whole when the program dies in between."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import datasets
import numpy as np
from lerobot.configs import RGBEncoderConfig
from lerobot.datasets import LeRobotDataset
from numpy.typing import ArrayLike

from so_arm.core.errors import UserError
from so_arm.core.units import lerobot_from_rad
from so_arm.data.dataset_schema import (
    ACTION,
    IMAGE_PREFIX,
    ROBOT_TYPE,
    STATE,
    Record,
    check_appendable,
    features,
    load_info,
)

#: Meta files that LeRobot rewrites with every episode; the copies are the last durable state.
_REWRITTEN = ("info.json", "stats.json", "tasks.parquet")
_DURABLE = Path("meta/durable")
#: LeRobot's streaming encoder drops frames when its queue is full; no episode comes near this.
_MAX_EPISODE_FRAMES = 100_000


def video_encoder() -> RGBEncoderConfig:
    """Nearly lossless H.264: at 64..96 px a small cube is a few pixels, so its colour must not be subsampled."""
    return RGBEncoderConfig(vcodec="h264", pix_fmt="yuv444p", crf=10, g=30, preset="veryfast")


class DatasetWriter:
    """Appends episodes to the dataset in `root`, which is made when it does not exist yet.

    LeRobot keeps its files open until ``finalize``; this writer finalizes every `episodes_per_file` episodes, and
    after a crash the next writer takes the dataset back to that state. Use it as a context manager.
    """

    def __init__(
        self,
        root: Path,
        cameras: Mapping[str, tuple[int, int]],
        fps: int,
        task: str,
        episodes_per_file: int = 25,
    ) -> None:
        self._root = root
        self._cameras = dict(cameras)
        self._fps = fps
        self._task = task
        self._episodes_per_file = episodes_per_file
        self._dataset: LeRobotDataset | None = None
        self._unsaved = 0
        av.logging.set_libav_level(av.logging.ERROR)  # LeRobot hands the encoder's chatter to standard error
        datasets.disable_progress_bars()
        self._record = self._open()

    @property
    def notes(self) -> list[dict[str, Any]]:
        """One note per saved episode, in episode order."""
        return list(self._record.notes)

    @property
    def extra(self) -> dict[str, Any]:
        """Free-form state of the recording program, stored at each durable point."""
        return self._record.extra

    def add_frame(self, state_rad: ArrayLike, action_rad: ArrayLike, images: Mapping[str, np.ndarray]) -> None:
        """One control tick: measured joints (6,) [rad], the command of that tick (6,) [rad], uint8 images (h, w, 3)."""
        dataset = self._start() if self._dataset is None else self._dataset
        frame: dict[str, Any] = {IMAGE_PREFIX + name: images[name] for name in self._cameras}
        frame[STATE] = lerobot_from_rad(state_rad).astype(np.float32)
        frame[ACTION] = lerobot_from_rad(action_rad).astype(np.float32)
        frame["task"] = self._task
        dataset.add_frame(frame)

    def save_episode(self, note: Mapping[str, Any]) -> None:
        """Close the episode; `note` (JSON) is kept with it."""
        assert self._dataset is not None, "an episode has frames"
        with _full_disk_is_an_os_error():
            self._dataset.save_episode()
        self._record.notes.append(dict(note))
        self._unsaved += 1
        if self._unsaved >= self._episodes_per_file:
            self.flush()

    def discard_episode(self) -> None:
        """Forget the frames since the last episode."""
        if self._dataset is not None:
            self._dataset.clear_episode_buffer()

    def flush(self) -> None:
        """Make every saved episode durable and readable."""
        if self._dataset is not None:
            self._dataset.clear_episode_buffer()
            self._dataset.finalize()
            self._dataset = None
        if self._unsaved:
            durable = self._root / _DURABLE
            durable.mkdir(exist_ok=True)
            for name in _REWRITTEN:
                shutil.copy2(self._root / "meta" / name, durable / name)
        self._unsaved = 0
        self._record.manifest = _episode_files(self._root)
        self._record.complete = True
        self._record.save(self._root)

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.flush()
            return
        if self._dataset is not None:
            with contextlib.suppress(Exception):  # LeRobot's files have to close before they can be rolled back
                self._dataset.clear_episode_buffer()
                self._dataset.finalize()
            self._dataset = None
            _roll_back(self._root)

    def _open(self) -> Record:
        if not self._root.exists() or (self._root.is_dir() and not any(self._root.iterdir())):
            return Record()
        if not self._root.is_dir():
            raise UserError(f"{self._root} is a file; give a folder for the dataset")
        record = Record.load(self._root)
        if record is not None and not record.complete:
            _roll_back(self._root)
            record = Record.load(self._root)
        if record is not None and not record.notes:
            return Record(extra=record.extra)
        check_appendable(self._root, self._cameras, self._fps)
        assert record is not None, "an appendable dataset has a record"
        return record

    def _start(self) -> LeRobotDataset:
        options: dict[str, Any] = {
            "root": self._root,
            "streaming_encoding": True,
            "encoder_queue_maxsize": _MAX_EPISODE_FRAMES,
            "encoder_threads": 1,
            "rgb_encoder": video_encoder(),
            "video_backend": "pyav",
        }
        repo_id = f"local/{self._root.name}"
        if self._record.notes:
            self._dataset = LeRobotDataset.resume(repo_id, **options)
        else:
            if self._root.exists():
                shutil.rmtree(self._root)  # nothing durable in it: an empty folder or a first recording that died
            self._dataset = LeRobotDataset.create(
                repo_id, fps=self._fps, features=features(self._cameras), robot_type=ROBOT_TYPE, **options
            )
        self._record.complete = False
        self._record.save(self._root)
        return self._dataset


@contextlib.contextmanager
def _full_disk_is_an_os_error() -> Iterator[None]:
    """LeRobot's encoder threads hand on the text of what went wrong, not its type."""
    try:
        yield
    except RuntimeError as error:
        for code in (errno.ENOSPC, errno.EDQUOT):
            if f"[Errno {code}]" in str(error):
                raise OSError(code, str(error)) from error
        raise


def _episode_files(root: Path) -> list[str]:
    folders = ("data", "videos", "meta/episodes")
    return sorted(
        str(path.relative_to(root)) for name in folders for path in (root / name).rglob("*") if path.is_file()
    )


def _roll_back(root: Path) -> None:
    """Take the dataset back to its last durable state. Finished files are never changed later, only followed."""
    record = Record.load(root)
    if record is None:
        return
    for name in set(_episode_files(root)) - set(record.manifest):
        (root / name).unlink()
    for path in root.iterdir():
        if path.is_dir() and path.name not in ("data", "videos", "meta"):
            shutil.rmtree(path)  # LeRobot's temporary folders
    for name in _REWRITTEN:
        if (root / _DURABLE / name).is_file():
            shutil.copy2(root / _DURABLE / name, root / "meta" / name)
    durable = load_info(root)["total_episodes"] if record.manifest else 0
    record.notes = record.notes[:durable]
    record.complete = True
    record.save(root)
