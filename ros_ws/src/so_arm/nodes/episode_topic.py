"""/episode/info as every node that runs episodes publishes it."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.duration import Duration
from rclpy.node import Node

from so_arm.core.episode_info import EpisodeInfo
from so_arm.nodes import qos
from so_arm.nodes.messages import key_values

PATIENCE_S = 5.0


class EpisodeTopic:
    """patience_s: a listener that has not confirmed a phase by then is taken for dead."""

    def __init__(self, node: Node, patience_s: float = PATIENCE_S) -> None:
        self._node, self._patience_s = node, patience_s
        self._publisher = node.create_publisher(DiagnosticStatus, "episode/info", qos.LATCHED)

    def publish(self, info: EpisodeInfo) -> None:
        """Latched; returns when every listener has it, so that nobody sees an observation before its episode."""
        status = DiagnosticStatus(name=info.id, message=info.phase, values=key_values(info.to_text()))
        self._publisher.publish(status)
        if not self._publisher.wait_for_all_acked(Duration(seconds=self._patience_s)):
            topic = self._publisher.topic_name
            self._node.get_logger().warning(f"a listener of {topic} did not confirm within {self._patience_s} s")
