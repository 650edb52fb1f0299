"""Messages of an arm as a bag of it holds them, made up by stamps; tests leave some out or change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from so_arm.core.episode_info import ENDED, RUNNING, SUCCESS, EpisodeInfo
from so_arm.data import ros_types
from so_arm.data.bags.writer import BagWriter
from so_arm.data.conversion import message_bytes

FPS, START_NS = 30, 5_000_000_000
STATES, COMMANDS, EPISODES, REWARDS = "follower/joint_states", "follower/joint_commands", "episode/info", "reward/terms"
TYPES = {
    STATES: ros_types.JOINT_STATE,
    COMMANDS: ros_types.JOINT_STATE,
    EPISODES: ros_types.DIAGNOSTIC_STATUS,
    REWARDS: ros_types.DIAGNOSTIC_ARRAY,
    "sim/state": ros_types.DIAGNOSTIC_ARRAY,
}


class Sent(NamedTuple):
    """topic: without namespace. stamp_ns: of the message's header, where it has one."""

    topic: str
    stamp_ns: int
    log_ns: int
    raw: bytes


def tick_ns(tick: float, start_ns: int = START_NS) -> int:
    return start_ns + round(tick * 1e9 / FPS)


def position(tick: int) -> np.ndarray:
    return np.linspace(-0.5, 0.5, 6) + 0.01 * tick


def picture(camera: str, tick: int, size: tuple[int, int] = (16, 24)) -> np.ndarray:
    """Smooth, as video likes it; another one for each camera and tick."""
    height, width = size
    ramp = np.linspace(0, 120, height * width).reshape(height, width)
    return np.stack([ramp + 3 * tick, ramp + len(camera), np.full(size, 5.0 * tick)], axis=2).astype(np.uint8)


def episode(
    ticks: int, start_ns: int = START_NS, cameras: Sequence[str] = ("static",), outcome: str = SUCCESS,
    compressed: bool = False, name: str = "", size: tuple[int, int] = (16, 24),
) -> list[Sent]:  # fmt: skip
    """One episode as in lockstep: stamps on the grid, each command 4 ms after its observation, rewards at the next."""
    info = EpisodeInfo(id=name or f"e-{start_ns}", phase=RUNNING, task="reach", start_stamp_ns=start_ns)
    sent = [Sent(EPISODES, start_ns, start_ns - 1_000_000, bytes(message_bytes.episode_info(info)))]
    make = message_bytes.compressed_image if compressed else message_bytes.image
    for tick in range(ticks):
        stamp, later = tick_ns(tick, start_ns), tick_ns(tick + 1, start_ns)
        for camera in cameras:
            topic = f"{camera}_camera/image_raw" + ("/compressed" if compressed else "")
            sent.append(Sent(topic, stamp, stamp, bytes(make(stamp, camera, picture(camera, tick, size)))))
        sent.append(Sent(STATES, stamp, stamp, bytes(message_bytes.joint_state(stamp, position(tick)))))
        source = "teleop" if tick >= ticks // 2 else "policy"
        command = bytes(message_bytes.joint_state(stamp, position(tick) + 0.1, source))
        sent.append(Sent(COMMANDS, stamp, stamp + 4_000_000, command))
        done = outcome == SUCCESS and tick == ticks - 1
        terms = bytes(message_bytes.reward_terms(later, 0.1 * tick, done, "v3"))
        sent.append(Sent(REWARDS, later, later + 1_000_000, terms))
    stamp = tick_ns(ticks, start_ns)
    sent.append(Sent(STATES, stamp, stamp, bytes(message_bytes.joint_state(stamp, position(ticks)))))
    ended = replace(info, phase=ENDED, outcome=outcome, steps=ticks)
    sent.append(Sent(EPISODES, stamp, stamp + 2_000_000, bytes(message_bytes.episode_info(ended))))
    return sent


def write(folder: Path, sent: Iterable[Sent], namespace: str = "", split_bytes: int = 0) -> Path:
    """A bag of the messages in the order of their log times."""
    with BagWriter(folder, split_bytes=split_bytes) as writer:
        for message in sorted(sent, key=lambda message: message.log_ns):
            kind = TYPES.get(message.topic)
            if kind is None:
                jpeg = message.topic.endswith("/compressed")
                kind = ros_types.COMPRESSED_IMAGE if jpeg else ros_types.IMAGE
            writer.add_topic(f"{namespace}/{message.topic}", kind)
            writer.write(f"{namespace}/{message.topic}", message.log_ns, message.raw)
    return folder
