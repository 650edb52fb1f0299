"""/robot_description, which every node that stands for an arm publishes."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import String

from so_arm.core.paths import share_dir
from so_arm.nodes import qos


def publish_description(node: Node) -> Publisher:
    """The URDF, latched; it stays there as long as the returned publisher is kept."""
    publisher = node.create_publisher(String, "robot_description", qos.LATCHED)
    publisher.publish(String(data=(share_dir() / "urdf" / "so_arm100.urdf").read_text("utf-8")))
    return publisher
