"""Writing a bag against writing the same bytes to a plain file: 640x480 images, and the joint states of 100 Hz.

Both sides get the same serialised messages one by one, in turn (A, B, A, B, ...), in the same folder. The plain file is
Python's own, buffered, one `write` per message, and nothing in it tells one message from the next. Each side is timed
until the system has all the bytes; once more until they are on the disk and the files are finished.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from so_arm.core.joints import JOINT_NAMES
from so_arm.data.bags.writer import BagWriter
from so_arm.data.ros_types import jazzy

IMAGE_TARGET = 0.8
STATE_TARGET = 0.5
IMAGE, STATE = "sensor_msgs/msg/Image", "sensor_msgs/msg/JointState"
WIDTH, HEIGHT = 640, 480
DIFFERENT = 32  # messages that are made; they are written again and again
START_NS = 1_700_000_000_000_000_000


class Seconds(NamedTuple):
    written: float  # the system has it
    on_disk: float


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is that of images, `joint_states_ratio` the other one."""
    rounds = 5 if quick else 31
    images = _measure(IMAGE, _images(), 150 if quick else 300, 1_000_000_000 // 30, rounds)
    states = _measure(STATE, _states(), 50_000 if quick else 200_000, 10_000_000, rounds)
    ratio, state_ratio = images.pop("ratio"), states.pop("ratio")
    return {
        "name": "bag",
        "ratio": ratio,
        "target": IMAGE_TARGET,
        "passed": ratio >= IMAGE_TARGET and state_ratio >= STATE_TARGET,
        "joint_states_ratio": state_ratio,
        "joint_states_target": STATE_TARGET,
        "images": images,
        "joint_states": states,
        "load_average": os.getloadavg()[0],
    }


def _measure(kind: str, messages: Sequence[bytes], count: int, period_ns: int, rounds: int) -> dict[str, Any]:
    """Ratios of plain file to bag, and the throughput of both."""
    written = [messages[number % len(messages)] for number in range(count)]
    megabytes = sum(map(len, written)) / 1e6
    plain, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(1 + rounds):
            ours.append(_bag(Path(folder) / "bag", kind, written, period_ns))
            plain.append(_plain(Path(folder) / "plain", written))
    del plain[0], ours[0]  # the first round pays for memory that the others have
    ratios = [a.written / b.written for a, b in zip(plain, ours, strict=True)]
    return {
        "ratio": median(ratios),
        "on_disk_ratio": median(a.on_disk / b.on_disk for a, b in zip(plain, ours, strict=True)),
        "plain_mb_per_s": megabytes / median(seconds.written for seconds in plain),
        "bag_mb_per_s": megabytes / median(seconds.written for seconds in ours),
        "bag_messages_per_s": count / median(seconds.written for seconds in ours),
        "bytes_per_message": len(messages[0]),
        "messages": count,
        "ratios": ratios,
    }


def _bag(folder: Path, kind: str, messages: Sequence[bytes], period_ns: int) -> Seconds:
    with BagWriter(folder) as writer:
        writer.add_topic("/topic", kind)
        gc.collect()
        begun, log_ns = time.perf_counter(), START_NS
        for message in messages:
            writer.write("/topic", log_ns, message)
            log_ns += period_ns
        writer.flush()
        written = time.perf_counter()
    on_disk = time.perf_counter()
    shutil.rmtree(folder)
    return Seconds(written - begun, on_disk - begun)


def _plain(path: Path, messages: Sequence[bytes]) -> Seconds:
    with path.open("wb") as file:
        gc.collect()
        begun = time.perf_counter()
        for message in messages:
            file.write(message)
        file.flush()
        written = time.perf_counter()
        os.fsync(file.fileno())
    on_disk = time.perf_counter()
    path.unlink()
    return Seconds(written - begun, on_disk - begun)


def _header(number: int, frame: str) -> Any:
    types = jazzy().types
    stamp = types["builtin_interfaces/msg/Time"](1_700_000_000, number)
    return types["std_msgs/msg/Header"](stamp, frame)


def _images() -> list[bytes]:
    chance = np.random.default_rng(0)
    make = jazzy().types[IMAGE]
    pixels = [chance.integers(0, 255, WIDTH * HEIGHT * 3, dtype=np.uint8) for _ in range(DIFFERENT)]
    messages = [
        make(_header(number, "static_optical_frame"), HEIGHT, WIDTH, "rgb8", 0, WIDTH * 3, data)
        for number, data in enumerate(pixels)
    ]
    return [bytes(jazzy().serialize_cdr(message, IMAGE)) for message in messages]


def _states() -> list[bytes]:
    """As the driver publishes them: six joints with position, velocity and effort."""
    chance = np.random.default_rng(0)
    make = jazzy().types[STATE]
    messages = [
        make(_header(number, "base_link"), list(JOINT_NAMES), *chance.normal(size=(3, len(JOINT_NAMES))))
        for number in range(DIFFERENT)
    ]
    return [bytes(jazzy().serialize_cdr(message, STATE)) for message in messages]
