"""A bare rclpy relay: what one hop of a JointState costs without any of our code. `relay.py IN OUT`."""

from __future__ import annotations

import contextlib
import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import JointState


def main() -> None:
    source, sink = sys.argv[1:3]
    rclpy.init()
    node = rclpy.create_node("relay_" + sink.strip("/").replace("/", "_"))
    publisher = node.create_publisher(JointState, sink, QoSProfile(depth=1))
    best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(JointState, source, publisher.publish, best_effort)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
