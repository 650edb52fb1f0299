"""Writes LeRobot v3 datasets through LeRobot's own API, and keeps them whole when the program dies in between."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import datasets
import numpy as np
from lerobot.configs import RGBEncoderConfig
from lerobot.datasets import LeRobotDataset
from numpy.typing import ArrayLike

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.folder_lock import FolderLock
from so_arm.core.units import lerobot_from_rad
from so_arm.data import dataset_staging as staging
from so_arm.data.dataset_schema import (
    ACTION,
    IMAGE_PREFIX,
    ROBOT_TYPE,
    STATE,
    Record,
    cameras_of,
    check_appendable,
    features,
    load_info,
)
from so_arm.data.dataset_video import VideoEncoders, video_encoder
from so_arm.data.lerobot_internals import abandon, stream_videos


class DatasetWriter:
    """Appends episodes to the dataset in `root`, which is made when it does not exist yet.

    Episodes are recorded beside the dataset and moved in every `episodes_per_file` episodes (see `dataset_staging`),
    so that readers find whole episodes only, whatever happens. Nobody else can write meanwhile. Use it as a context
    manager: an exception costs the episodes since the last `flush`.

    cameras: name -> height, width [px]; None where the first image is to tell. columns: further ones of the dataset, of
    REWARD, SUCCESS, INTERVENTION. calibration: hash of the arm's.
    """

    def __init__(
        self,
        root: Path,
        cameras: Mapping[str, tuple[int, int] | None],
        fps: int,
        task: str,
        episodes_per_file: int = 25,
        columns: Collection[str] = (),
        calibration: str = "",
    ) -> None:
        self._root = root
        self._asked = dict(cameras)
        self._cameras = {name: size for name, size in cameras.items() if size is not None}
        self._columns = tuple(columns)
        self._calibration = calibration
        self._fps = fps
        self._task = task
        self._episodes_per_file = episodes_per_file
        self._dataset: LeRobotDataset | None = None
        self._encoders: VideoEncoders | None = None
        self._unsaved = 0
        self.recovered = ""  #: what a process that died had left, and what became of it
        av.logging.set_libav_level(av.logging.ERROR)  # LeRobot hands the encoder's chatter to standard error
        self._make_folder()
        self._lock = FolderLock(root)
        try:
            self._record = self._open()
        except BaseException:
            self._close()
            raise

    @property
    def notes(self) -> list[dict[str, Any]]:
        """One note per saved episode, in episode order."""
        return list(self._record.notes)

    @property
    def extra(self) -> dict[str, Any]:
        """Free-form state of the recording program, stored at each durable point."""
        return self._record.extra

    @property
    def waiting(self) -> int:
        """Frames that wait for the video encoder."""
        return self._encoders.waiting if self._encoders is not None else 0

    def add_frame(
        self,
        state_rad: ArrayLike,
        action_rad: ArrayLike,
        images: Mapping[str, np.ndarray],
        more: Mapping[str, float | bool] | None = None,
    ) -> None:
        """One control tick: measured joints (6,) [rad], the command of that tick (6,) [rad], uint8 images (h, w, 3),
        and a value per further column. Images are not copied: they must not change any more."""
        self._check_sizes(images)
        dataset = self._start() if self._dataset is None else self._dataset
        frame: dict[str, Any] = {IMAGE_PREFIX + name: images[name] for name in self._cameras}
        frame[STATE] = lerobot_from_rad(state_rad).astype(np.float32)
        frame[ACTION] = lerobot_from_rad(action_rad).astype(np.float32)
        for name in self._columns:
            kind = dataset.features[name]["dtype"]
            frame[name] = np.array([(more or {})[name]], np.bool_ if kind == "bool" else kind)
        frame["task"] = self._task
        dataset.add_frame(frame)

    def save_episode(self, note: Mapping[str, Any]) -> None:
        """Close the episode; `note` (JSON) is kept with it."""
        assert self._dataset is not None, "an episode has frames"
        datasets.disable_progress_bars()  # LeRobot puts them on again where it reads episodes
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
        if not self._unsaved:
            self._drop()
            self._record.save(self._root)
            return
        assert self._dataset is not None, "unsaved episodes are in it"
        self._dataset.clear_episode_buffer()
        self._dataset.finalize()
        self._dataset = self._encoders = None
        stage = self._root / staging.RECORDING
        self._record.manifest = sorted({*staging.written_once(self._root), *staging.written_once(stage)})
        self._record.save(stage)
        staging.commit(self._root)
        self._unsaved = 0

    def close(self) -> None:
        """Make everything durable, and let others write."""
        try:
            if self._unsaved or self._record.extra:
                self.flush()
        finally:
            self._close()

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._close()

    def _check_sizes(self, images: Mapping[str, np.ndarray]) -> None:
        for name in self._asked:
            size = self._cameras.setdefault(name, (images[name].shape[0], images[name].shape[1]))
            if images[name].shape[:2] != size:
                raise UserError(f"{name} camera: {_pixels(images[name].shape)}, but {self._root} has {_pixels(size)}")

    def _close(self) -> None:
        self._drop()
        with contextlib.suppress(OSError):
            self._root.rmdir()  # nothing was recorded
        self._lock.release()

    def _drop(self) -> None:
        """Forget what is not durable."""
        if self._dataset is not None:
            abandon(self._dataset)
            self._dataset = self._encoders = None
        shutil.rmtree(self._root / staging.RECORDING, ignore_errors=True)

    def _make_folder(self) -> None:
        if self._root.exists() and not self._root.is_dir():
            raise UserError(f"{self._root} is a file; give a folder for the dataset")
        with files.creating(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        if not files.takes_files(self._root):
            raise UserError(f"cannot write {self._root}: it takes no files (read-only?); choose another folder")

    def _open(self) -> Record:
        self.recovered = recover(self._root)
        if not any(self._root.iterdir()):
            return Record(calibration=self._calibration)
        record = Record.load(self._root)
        if record is not None and not record.notes and not (self._root / staging.INFO).is_file():
            return Record(extra=record.extra, calibration=self._calibration)
        known = cameras_of(load_info(self._root))
        self._cameras = {name: known.get(name, (0, 0)) if size is None else size for name, size in self._asked.items()}
        check_appendable(self._root, self._cameras, self._fps, self._columns, self._calibration)
        staging.check_whole(self._root)
        assert record is not None, "an appendable dataset has a record"
        return record

    def _start(self) -> LeRobotDataset:
        stage = staging.prepare(self._root)
        repo_id = f"local/{self._root.name}"
        # LeRobot's own encoder is not made: streaming is off as far as its constructor knows.
        encoder = self._encoder()
        if stage.is_dir():
            dataset = LeRobotDataset.resume(repo_id, root=stage, rgb_encoder=encoder, video_backend="pyav")
        else:
            dataset = LeRobotDataset.create(
                repo_id,
                root=stage,
                fps=self._fps,
                features=features(self._cameras, self._columns),
                robot_type=ROBOT_TYPE,
                rgb_encoder=encoder,
                video_backend="pyav",
            )
        if self._cameras:
            self._encoders = VideoEncoders(self._fps, encoder, threads=1)
            stream_videos(dataset, self._encoders)
        self._dataset = dataset
        return dataset

    def _encoder(self) -> RGBEncoderConfig:
        """That of the videos which are there already, else the one for these cameras."""
        encoder = video_encoder(self._cameras.values())
        if (self._root / staging.INFO).is_file():
            for feature in load_info(self._root)["features"].values():
                if "video.codec" in (feature.get("info") or {}):
                    return RGBEncoderConfig.from_video_info(feature["info"])
        return encoder


def _pixels(size: tuple[int, ...]) -> str:
    return f"{size[1]}x{size[0]} px"


def recover(root: Path) -> str:
    """Bring a dataset whose writer died back to its last whole episode; says what was done. Hold its lock."""
    if staging.move_in(root):
        return "an episode that had just been finished was moved in"
    record = Record.load(root)
    if record is not None and not record.complete:
        staging.roll_back_old_layout(root, record.manifest)
        durable = load_info(root)["total_episodes"] if record.manifest else 0
        record.notes, record.complete = record.notes[:durable], True
        record.save(root)
        return "a recording that was cut off was taken back to its last whole file"
    if (root / staging.RECORDING).is_dir():
        frames = _kept_frames(root / staging.RECORDING)
        shutil.rmtree(root / staging.RECORDING)
        return f"an episode that was not finished was dropped{frames}"
    return ""


def _kept_frames(stage: Path) -> str:
    """How many megabytes of video the dropped episode had, for the record."""
    size = sum(path.stat().st_size for path in stage.rglob("*.mp4"))
    return f" ({size / 1e6:.1f} MB of video)" if size else ""
