"""Writes any episodes as a LeRobot v3 dataset through LeRobot's own API."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from so_arm.data.dataset_schema import Record
from so_arm.data.exchange.episode import Episode, Layout, OnFrames
from so_arm.data.lerobot_internals import abandon, stream_videos

if TYPE_CHECKING:
    from so_arm.data.dataset_video import VideoEncoders

#: Frames that may wait for the encoders; a source is faster than they are.
_MAX_WAITING = 60


def write_lerobot(root: Path, layout: Layout, episodes: Iterable[Episode], on_frames: OnFrames) -> None:
    """Make the dataset in `root`, which must not exist yet.

    The units, where they are known, go to ``meta/so_arm.json``.
    """
    import av
    import datasets
    from lerobot.datasets import LeRobotDataset

    from so_arm.data.dataset_video import VideoEncoders, video_encoder

    av.logging.set_libav_level(av.logging.ERROR)
    datasets.disable_progress_bars()
    logging.getLogger("lerobot").setLevel(logging.ERROR)
    config = video_encoder(layout.images.values())
    if any(height % 2 or width % 2 for height, width in layout.images.values()):
        config = replace(config, pix_fmt="yuv444p")  # halved colours need even sizes
    dataset = LeRobotDataset.create(
        f"local/{root.name}",
        fps=layout.fps,
        features=_features(layout),
        root=root,
        robot_type=layout.robot_type,
        video_backend="pyav",
        rgb_encoder=config,
    )
    encoders = VideoEncoders(layout.fps, config, threads=1)
    if layout.images:
        stream_videos(dataset, encoders)
    notes: list[dict[str, Any]] = []
    try:
        for episode in episodes:
            _add(dataset, encoders, layout, episode, on_frames)
            notes.append({"steps": len(episode)})
        dataset.finalize()
    except BaseException:
        abandon(dataset)  # before its folder goes
        raise
    if layout.units is not None:
        files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        manifest = [name for name in files if not name.startswith("meta/") or name.startswith("meta/episodes/")]
        Record(units=layout.units, notes=notes, manifest=manifest).save(root)


def _features(layout: Layout) -> dict[str, dict[str, Any]]:
    numbers = {
        key: {"dtype": feature.dtype, "shape": feature.shape, "names": feature.names}
        for key, feature in layout.features.items()
    }
    images = {
        key: {"dtype": "video", "shape": (*size, 3), "names": ["height", "width", "channels"]}
        for key, size in layout.images.items()
    }
    return numbers | images


def _add(dataset: Any, encoders: VideoEncoders, layout: Layout, episode: Episode, on_frames: OnFrames) -> None:
    for row, images in enumerate(episode.images()):
        frame: dict[str, Any] = dict(images)
        for key, feature in layout.features.items():
            frame[key] = episode.columns[key][row].astype(feature.dtype)
        frame["task"] = episode.task
        dataset.add_frame(frame)
        while encoders.waiting > _MAX_WAITING:
            time.sleep(0.001)
        on_frames(1)
    dataset.save_episode()
