"""Publishes 64-byte messages that carry their sending time: `beacon.py TOPIC RATE_HZ`."""

from __future__ import annotations

import contextlib
import sys
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from std_msgs.msg import String

SIZE_BYTES = 64


def main() -> None:
    topic, rate_hz = sys.argv[1], float(sys.argv[2])
    rclpy.init()
    node = rclpy.create_node("beacon")
    publisher = node.create_publisher(String, topic, QoSProfile(depth=2))
    node.create_timer(1.0 / rate_hz, lambda: publisher.publish(String(data=f"{time.time_ns()}".ljust(SIZE_BYTES))))
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
