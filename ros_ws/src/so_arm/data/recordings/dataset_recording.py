"""A LeRobot v3 dataset of this arm as a recording; images are decoded when they are asked for."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.episode_info import FAILURE
from so_arm.core.episode_info import SUCCESS as SUCCEEDED
from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import IMAGE_PREFIX, INTERVENTION, REWARD, SUCCESS, Record
from so_arm.data.episode_places import Listed, listed_episodes, video_file, video_start_s
from so_arm.data.joint_units import JointUnits
from so_arm.data.recorded_episode import RecordedEpisode, RecordedEpisodes
from so_arm.data.recordings.recording import RecordedFrames
from so_arm.data.recordings.video_frames import VideoFrames

#: A frame may be this share of a period off the grid; the stamps are float32.
_OFF_GRID = 0.1


class DatasetRecording:
    """See `so_arm.data.recordings.recording.Recording`; units and calibration as in `RecordedEpisodes`."""

    def __init__(self, path: Path, units: JointUnits | None = None, calibration: Calibration | None = None) -> None:
        self.path = path
        self._episodes = RecordedEpisodes(path, units, calibration)
        self.fps = self._episodes.fps
        if len(self) < 1:
            raise UserError(f"{path} holds no episode")
        record = Record.load(path) or Record()
        if not record.complete:
            raise UserError(f"the recording of {path} was cut off; run the command that recorded it again")
        self._notes = record.notes
        self.cameras = _cameras(path, self._episodes.info)
        self._videos: dict[str, VideoFrames] = {}

    def __len__(self) -> int:
        return len(self._episodes)

    def episode(self, index: int) -> RecordedFrames:
        """UserError when there is no such episode, or its rows or videos are not as the metadata tell."""
        joints = self._episodes.episode(index)
        _check_grid(f"{self.path}: episode {index}", joints)
        listed = self._listed.get(index, {})
        starts = {camera: self._start(camera, index, listed) for camera in self.cameras}
        return RecordedFrames(
            name=f"episode {index}",
            stamps_ns=np.rint(np.arange(len(joints)) * 1e9 / self.fps).astype(np.int64),
            state=joints.state,
            action=joints.action,
            cameras=self.cameras,
            image_of=partial(self._image, starts),
            task=" ".join(listed.get("tasks") or ()),
            reward=_as(np.float64, self._episodes.scalars(index, REWARD)),
            success=self._label(index),
            intervention=_as(np.bool_, self._episodes.scalars(index, INTERVENTION)),
        )

    def _label(self, index: int) -> bool | None:
        """None where nobody judged the whole of the episode, as its note tells: it was stopped, or cut short."""
        column = self._episodes.scalars(index, SUCCESS)
        note = self._notes[index] if index < len(self._notes) else {}
        if column is None or note.get("cut") or note.get("outcome", FAILURE) not in (SUCCEEDED, FAILURE):
            return None
        return bool(column[-1])

    def _image(self, starts: dict[str, tuple[Path, int]], camera: str, tick: int) -> np.ndarray:
        path, first = starts[camera]
        video = self._videos.get(camera)
        if video is None or video.path != path:
            if video is not None:
                video.close()
            video = self._videos[camera] = VideoFrames(path, self.fps)
        return video.frame(first + tick)

    def _start(self, camera: str, index: int, listed: Listed) -> tuple[Path, int]:
        """Video file and number of the frame in it that the episode begins with."""
        key = IMAGE_PREFIX + camera
        try:
            path, start_s = self.path / video_file(self._episodes.info, listed, key), video_start_s(listed, key)
        except KeyError:
            raise UserError(f"{self.path}/meta/episodes does not say where the video of {key} is") from None
        if not path.is_file():
            raise UserError(f"{path} is missing, the video of {camera} in episode {index}")
        return path, round(start_s * self.fps)

    @cached_property
    def _listed(self) -> dict[int, Listed]:
        return {row["episode_index"]: row for row in listed_episodes(self.path)}


def _cameras(path: Path, info: dict[str, Any]) -> tuple[str, ...]:
    features = {key: info["features"][key] for key in info["features"] if key.startswith(IMAGE_PREFIX)}
    for key, feature in features.items():
        if feature.get("dtype") != "video":
            raise UserError(f"{path}: {key} has dtype {feature.get('dtype')}, expected video")
    return tuple(key.removeprefix(IMAGE_PREFIX) for key in features)


def _check_grid(what: str, joints: RecordedEpisode) -> None:
    """UserError unless frame k is at k / fps."""
    late = np.abs(joints.time_s * joints.fps - np.arange(len(joints)))
    if late.max() > _OFF_GRID:
        frame = int(np.argmax(late > _OFF_GRID))
        raise UserError(
            f"{what}: frame {frame} is at {joints.time_s[frame]:.3f} s, not on the grid of {joints.fps:g} Hz"
        )


def _as(kind: type[np.generic], values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else values.astype(kind)
