"""The message types of ROS 2 Jazzy, without ROS, and the names of those that this arm's topics have."""

from __future__ import annotations

from functools import cache

from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

JOINT_STATE = "sensor_msgs/msg/JointState"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
DIAGNOSTIC_ARRAY = "diagnostic_msgs/msg/DiagnosticArray"
DIAGNOSTIC_STATUS = "diagnostic_msgs/msg/DiagnosticStatus"
STRING = "std_msgs/msg/String"


@cache
def jazzy() -> Typestore:
    """The message types of ROS 2 Jazzy; add no others to it."""
    return get_typestore(Stores.ROS2_JAZZY)
