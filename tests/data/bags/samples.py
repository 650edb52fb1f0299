"""Serialised messages and small bags."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from so_arm.data.bags import qos
from so_arm.data.bags.writer import BagWriter
from so_arm.data.ros_types import jazzy

START_NS = 1_700_000_000_000_000_000
STATES, IMAGES, INFO = "/follower/joint_states", "/static_camera/image_raw", "/episode/info"
RELIABLE = qos.dump([qos.profile("reliable", "volatile", 10)])
LATCHED = qos.dump([qos.profile("reliable", "transient_local", 1)])


def joint_state(stamp_ns: int, value: float = 0.0) -> bytes:
    types = jazzy().types
    stamp = types["builtin_interfaces/msg/Time"](stamp_ns // 10**9, stamp_ns % 10**9)
    header = types["std_msgs/msg/Header"](stamp, "policy")
    empty = np.zeros(0)
    message = types["sensor_msgs/msg/JointState"](header, ["shoulder_pan"], np.array([value], float), empty, empty)
    return bytes(jazzy().serialize_cdr(message, "sensor_msgs/msg/JointState"))


def image(stamp_ns: int, pixels: int = 30000) -> bytes:
    types = jazzy().types
    stamp = types["builtin_interfaces/msg/Time"](stamp_ns // 10**9, stamp_ns % 10**9)
    header = types["std_msgs/msg/Header"](stamp, "static_optical_frame")
    data = np.full(pixels, stamp_ns % 251, np.uint8)
    message = types["sensor_msgs/msg/Image"](header, 1, pixels // 3, "rgb8", 0, pixels, data)
    return bytes(jazzy().serialize_cdr(message, "sensor_msgs/msg/Image"))


def add_topics(writer: BagWriter) -> None:
    writer.add_topic(STATES, "sensor_msgs/msg/JointState", RELIABLE)
    writer.add_topic(IMAGES, "sensor_msgs/msg/Image", RELIABLE)
    writer.add_topic(INFO, "diagnostic_msgs/msg/DiagnosticStatus", LATCHED)


def make_bag(folder: Path, states: int = 100, **settings: object) -> Path:
    """A bag of `states` states at 100 Hz and a third as many images; 5 chunks of each."""
    with BagWriter(folder, custom_data={"task": "pick_place"}, **settings) as writer:  # type: ignore[arg-type]
        add_topics(writer)
        for tick in range(states):
            log_ns = START_NS + tick * 10_000_000
            writer.write(STATES, log_ns, joint_state(log_ns, tick))
            if tick % 3 == 0:
                writer.write(IMAGES, log_ns, image(log_ns))
            if tick % 20 == 19:
                writer.flush()
    return folder
