"""What a recording is to hold, and which topics that takes."""

from __future__ import annotations

from dataclasses import dataclass

from so_arm.data.ros_types import DIAGNOSTIC_ARRAY, DIAGNOSTIC_STATUS, IMAGE, JOINT_STATE

#: Topics without namespace and leading slash.
STATE_TOPIC = "follower/joint_states"
COMMAND_TOPIC = "follower/joint_commands"
REWARD_TOPIC = "reward/terms"
EPISODE_TOPIC = "episode/info"
COMPRESSED = "/compressed"


@dataclass(frozen=True)
class RecordingSettings:
    """fps: rate of the rows [Hz]. cameras: may be none. reward: a reward topic is there (simulation).

    state_tolerance_s, image_tolerance_s: how far a sample may be from its tick [s]. patience_s: how long a tick waits
    for a sample that is late, by the stamps of the others [s]; simulated time may pass several times as fast as ours.
    control_hz: rate in which /episode/info counts its steps [Hz]; 0: that of the rows.
    """

    fps: int
    cameras: tuple[str, ...]
    reward: bool
    state_tolerance_s: float = 0.05
    image_tolerance_s: float = 0.1
    patience_s: float = 2.0
    control_hz: int = 0


def image_topic(camera: str) -> str:
    return f"{camera}_camera/image_raw"


def topics(settings: RecordingSettings) -> dict[str, str]:
    """Topic (without namespace and leading slash) -> type, of all that a recording listens to.

    Images may as well come from an image topic's ``/compressed`` (`EpisodeIngest` takes both).
    """
    wanted = {EPISODE_TOPIC: DIAGNOSTIC_STATUS, STATE_TOPIC: JOINT_STATE, COMMAND_TOPIC: JOINT_STATE}
    wanted |= {image_topic(camera): IMAGE for camera in settings.cameras}
    return wanted | ({REWARD_TOPIC: DIAGNOSTIC_ARRAY} if settings.reward else {})
