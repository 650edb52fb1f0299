"""A dataset (or any recording) as a bag: the topics that our nodes would have published, stamped on the exact grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from so_arm.core.arbiter import POLICY, TELEOP
from so_arm.core.episode_info import ENDED, FAILURE, RUNNING, STOPPED, SUCCESS, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.data.bags import qos
from so_arm.data.bags.writer import BagWriter
from so_arm.data.conversion import message_bytes
from so_arm.data.ingest.settings import (
    COMMAND_TOPIC,
    COMPRESSED,
    EPISODE_TOPIC,
    REWARD_TOPIC,
    STATE_TOPIC,
    image_topic,
)
from so_arm.data.recordings.recording import RecordedFrames, Recording
from so_arm.data.ros_types import COMPRESSED_IMAGE, DIAGNOSTIC_ARRAY, DIAGNOSTIC_STATUS, IMAGE, JOINT_STATE, STRING

#: Stamp of the first episode's first tick, as in a simulation in lockstep; and the time between two episodes.
START_NS = REST_NS = 1_000_000_000
DESCRIPTION_TOPIC = "robot_description"
#: custom_data of the bag's metadata: its stamps are made up, so nothing took the time that they tell.
ORIGIN_KEY, ORIGIN = "so_arm_stamps", "made from a dataset: on the exact grid, without latencies"
#: As our nodes publish.
STATE_QOS = qos.dump([qos.profile("reliable", "volatile", 10)])
COMMAND_QOS = qos.dump([qos.profile("reliable", "volatile", 1)])
IMAGE_QOS = qos.dump([qos.profile("reliable", "volatile", 2)])
LATCHED_QOS = qos.dump([qos.profile("reliable", "transient_local", 1)])


@dataclass(frozen=True)
class WrittenBag:
    """frames: of each episode."""

    frames: tuple[int, ...]
    messages: int


def write_bag(
    recording: Recording,
    folder: Path,
    episodes: Sequence[int],
    compressed: bool = False,
    on_frame: Callable[[], None] = lambda: None,
) -> WrittenBag:
    """`episodes` (numbers) of `recording` into the new bag `folder`.

    compressed: images as JPEG, which loses a little. on_frame: called after every tick.
    """
    for index in episodes:
        if not 0 <= index < len(recording):
            raise UserError(f"{recording.path} has no episode {index}; it has {len(recording)}, numbered from 0")
    with BagWriter(folder, custom_data={ORIGIN_KEY: ORIGIN}) as writer:
        topics = _Topics(writer, recording, compressed)
        start_ns, lengths = START_NS, []
        for index in episodes:
            frames = recording.episode(index)
            start_ns = topics.episode(frames, index, start_ns, on_frame) + REST_NS
            lengths.append(len(frames))
        return WrittenBag(tuple(lengths), topics.messages)


class _Topics:
    def __init__(self, writer: BagWriter, recording: Recording, compressed: bool) -> None:
        self.messages = 0
        self._writer, self._recording, self._compressed = writer, recording, compressed
        self._image_end = COMPRESSED if compressed else ""
        self._add(DESCRIPTION_TOPIC, STRING, LATCHED_QOS)
        self._add(EPISODE_TOPIC, DIAGNOSTIC_STATUS, LATCHED_QOS)
        self._add(STATE_TOPIC, JOINT_STATE, STATE_QOS)
        self._add(COMMAND_TOPIC, JOINT_STATE, COMMAND_QOS)
        kind = COMPRESSED_IMAGE if compressed else IMAGE
        for camera in recording.cameras:
            self._add(image_topic(camera) + self._image_end, kind, IMAGE_QOS)
        self._rewarded = False
        urdf = (share_dir() / "urdf" / "so_arm100.urdf").read_text("utf-8")
        self._write(DESCRIPTION_TOPIC, START_NS, message_bytes.string(urdf))

    def episode(self, frames: RecordedFrames, index: int, start_ns: int, on_frame: Callable[[], None]) -> int:
        """Returns the stamp after the last tick."""
        if frames.reward is not None and not self._rewarded:
            self._add(REWARD_TOPIC, DIAGNOSTIC_ARRAY, STATE_QOS)
            self._rewarded = True
        stamps = [int(stamp) for stamp in start_ns + frames.stamps_ns - frames.stamps_ns[0]]
        stamps.append(start_ns + round(len(frames) / self._recording.fps * 1e9))
        info = EpisodeInfo(
            id=f"{self._recording.path.name}-{index}", phase=RUNNING, seed=index, task=frames.task,
            start_stamp_ns=start_ns,
        )  # fmt: skip
        self._write(EPISODE_TOPIC, start_ns, message_bytes.episode_info(info))
        for tick in range(len(frames)):
            self._tick(frames, tick, stamps[tick], stamps[tick + 1])
            on_frame()
        outcome = STOPPED if frames.success is None else SUCCESS if frames.success else FAILURE
        total = 0.0 if frames.reward is None else math.fsum(frames.reward[np.isfinite(frames.reward)])
        ended = replace(info, phase=ENDED, outcome=outcome, reward=total, steps=len(frames))
        self._write(EPISODE_TOPIC, stamps[-1], message_bytes.episode_info(ended))
        return stamps[-1]

    def _tick(self, frames: RecordedFrames, tick: int, stamp_ns: int, next_ns: int) -> None:
        for camera, pixels in frames.images(tick).items():
            make = message_bytes.compressed_image if self._compressed else message_bytes.image
            self._write(
                image_topic(camera) + self._image_end, stamp_ns, make(stamp_ns, f"{camera}_optical_frame", pixels)
            )
        self._write(STATE_TOPIC, stamp_ns, message_bytes.joint_state(stamp_ns, frames.state[tick]))
        source = _source(frames, tick)
        self._write(COMMAND_TOPIC, stamp_ns, message_bytes.joint_state(stamp_ns, frames.action[tick], source))
        if frames.reward is not None and np.isfinite(frames.reward[tick]):
            done = frames.reward_success if tick == len(frames) - 1 else None
            terms = message_bytes.reward_terms(next_ns, frames.reward[tick], done, "recorded")
            self._write(REWARD_TOPIC, next_ns, terms)

    def _add(self, topic: str, kind: str, qos: str) -> None:
        self._writer.add_topic(f"/{topic}", kind, qos)

    def _write(self, topic: str, log_ns: int, data: memoryview) -> None:
        self._writer.write(f"/{topic}", log_ns, data)
        self.messages += 1


def _source(frames: RecordedFrames, tick: int) -> str:
    """Who was in control, where the recording tells."""
    if frames.intervention is None:
        return ""
    return TELEOP if frames.intervention[tick] else POLICY
