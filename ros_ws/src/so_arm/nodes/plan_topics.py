"""What act_policy says to an observation: /policy/features, while somebody listens, and then /policy/action_chunk."""

from __future__ import annotations

import array
from typing import NamedTuple

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from trajectory_msgs.msg import JointTrajectory

from so_arm.core.chunk import ActionChunk
from so_arm.core.errors import UserError
from so_arm.nodes import qos
from so_arm.nodes.camera_topics import has_listeners
from so_arm.nodes.messages import chunk_message, set_stamp

FEATURES, CHUNK = "policy/features", "policy/action_chunk"
_ENCODING, _BYTES = "32FC1", 4


class Plan(NamedTuple):
    """A chunk and the features of its observation, ready to be published."""

    stamp_ns: int
    chunk: JointTrajectory
    features: Image


def plan(chunk: ActionChunk) -> Plan:
    return Plan(chunk.stamp_ns, chunk_message(chunk), features_message(chunk.stamp_ns, chunk.features))


class PlanTopics:
    """Make it when the policy is ready: others take the publisher of chunks for the sign of that."""

    def __init__(self, node: Node) -> None:
        self._features = node.create_publisher(Image, FEATURES, qos.COMMAND)
        self._chunks = node.create_publisher(JointTrajectory, CHUNK, qos.COMMAND)

    def publish(self, plan: Plan) -> None:
        if plan.features.width and has_listeners(self._features):
            self._features.publish(plan.features)
        self._chunks.publish(plan.chunk)


def features_message(stamp_ns: int, features: np.ndarray) -> Image:
    """`features` (k,) float32 as an image of one row."""
    width = len(features)
    message = Image(height=1, width=width, encoding=_ENCODING, step=_BYTES * width)
    message.data = array.array("B", features.astype("<f4").tobytes())
    set_stamp(message.header.stamp, stamp_ns)
    return message


def features_from_message(message: Image) -> np.ndarray:
    """(k,) float32; UserError for anything but one row of finite floats."""
    if (message.encoding, message.height) != (_ENCODING, 1) or len(message.data) != _BYTES * message.width:
        raise UserError(
            f"features: {message.encoding} {message.width}x{message.height} in {len(message.data)} bytes,"
            f" expected {_ENCODING} in one row"
        )
    features = np.frombuffer(message.data, ">f4" if message.is_bigendian else "<f4").astype(np.float32)
    if not np.isfinite(features).all():
        raise UserError("features: not all of them are finite numbers")
    return features
