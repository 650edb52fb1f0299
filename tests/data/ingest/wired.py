"""Messages as they are on the wire, made by rosbags' serialiser, and the messages of a whole episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from rosbags.typesys import Stores, get_typestore

from so_arm.core.episode_info import ENDED, RUNNING, SUCCESS, EpisodeInfo
from so_arm.core.joints import JOINT_NAMES
from so_arm.data.ingest.settings import COMMAND_TOPIC, EPISODE_TOPIC, REWARD_TOPIC, STATE_TOPIC, image_topic

STORE = get_typestore(Stores.ROS2_JAZZY)
SECOND_NS = 1_000_000_000
START_NS = 5 * SECOND_NS
Fed = tuple[str, bytes]


def made(kind: str, *fields: Any) -> Any:
    return STORE.types[kind](*fields)


def packed(message: Any) -> bytes:
    return bytes(STORE.serialize_cdr(message, message.__msgtype__))


def header(stamp_ns: int, frame_id: str = "") -> Any:
    return made("std_msgs/msg/Header", made("builtin_interfaces/msg/Time", *divmod(stamp_ns, SECOND_NS)), frame_id)


def joints(
    stamp_ns: int, position: Sequence[float] | np.ndarray, names: Sequence[str] = JOINT_NAMES, frame_id: str = ""
) -> bytes:
    empty = np.zeros(0)
    values = np.asarray(position, np.float64)
    return packed(made("sensor_msgs/msg/JointState", header(stamp_ns, frame_id), list(names), values, empty, empty))


def image(stamp_ns: int, pixels: np.ndarray, encoding: str = "rgb8", padding: int = 0) -> bytes:
    """pixels: (h, w, 3) uint8 RGB. padding: bytes after each row."""
    height, width, _ = pixels.shape
    sent = pixels[..., ::-1] if encoding == "bgr8" else pixels
    rows = np.pad(sent.reshape(height, 3 * width), ((0, 0), (0, padding)))
    step = 3 * width + padding
    return packed(
        made("sensor_msgs/msg/Image", header(stamp_ns), height, width, encoding, 0, step, np.ravel(rows).copy())
    )


def jpeg(stamp_ns: int, pixels: np.ndarray) -> bytes:
    data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return packed(made("sensor_msgs/msg/CompressedImage", header(stamp_ns), "rgb8; jpeg compressed bgr8", data.ravel()))


def status(texts: dict[str, str], name: str = "", message: str = "") -> Any:
    values = [made("diagnostic_msgs/msg/KeyValue", key, value) for key, value in texts.items()]
    return made("diagnostic_msgs/msg/DiagnosticStatus", 0, name, message, "", values)


def info(episode: EpisodeInfo) -> bytes:
    return packed(status(episode.to_text(), episode.id, episode.phase))


def reward(stamp_ns: int, total: float, success: bool = False) -> bytes:
    texts = {"total": repr(total), "success": str(success)}
    return packed(made("diagnostic_msgs/msg/DiagnosticArray", header(stamp_ns), [status(texts)]))


def tick_ns(tick: int, start_ns: int = START_NS, fps: int = 30) -> int:
    return start_ns + (tick * SECOND_NS + fps // 2) // fps


def pose(tick: float) -> np.ndarray:
    """State of a tick; `pose(tick) + 0.1` is its command."""
    return np.arange(6) * 0.1 + 0.001 * tick


def picture(tick: int, size: tuple[int, int] = (16, 24), shade: int = 0) -> np.ndarray:
    """(h, w, 3) uint8: one colour that tells the tick."""
    pixels = np.full((*size, 3), (40 + 3 * (tick % 60), 90, 120), np.uint8)
    pixels[: size[0] // 2] += np.uint8(shade)
    return pixels


def begun(number: int = 1, start_ns: int = START_NS) -> EpisodeInfo:
    return EpisodeInfo(id=f"run-{number}", phase=RUNNING, seed=number, task="reach", start_stamp_ns=start_ns)


def ended(number: int, steps: int, outcome: str = SUCCESS, start_ns: int = START_NS) -> EpisodeInfo:
    return EpisodeInfo(
        id=f"run-{number}",
        phase=ENDED,
        seed=number,
        task="reach",
        start_stamp_ns=start_ns,
        outcome=outcome,
        reward=1.5,
        steps=steps,
    )


def lockstep_episode(
    steps: int,
    number: int = 1,
    cameras: Sequence[str] = (),
    outcome: str = SUCCESS,
    start_ns: int = START_NS,
    size: tuple[int, int] = (16, 24),
) -> list[Fed]:
    """What the simulation says in one episode: observations 0..steps, commands and rewards of the steps."""
    fed: list[Fed] = [(EPISODE_TOPIC, info(begun(number, start_ns)))]
    for tick in range(steps + 1):
        stamp = tick_ns(tick, start_ns)
        for shade, camera in enumerate(cameras):
            fed.append((image_topic(camera), image(stamp, picture(tick, size, 20 * shade))))
        fed.append((STATE_TOPIC, joints(stamp, pose(tick))))
        if tick:
            fed.append((REWARD_TOPIC, reward(stamp, tick / 10, tick == steps)))
        if tick < steps:
            fed.append((COMMAND_TOPIC, joints(stamp, pose(tick) + 0.1, frame_id="policy")))
    return [*fed, (EPISODE_TOPIC, info(ended(number, steps, outcome, start_ns)))]
