"""What a simulated world lets out beside the arm's own topics: its episodes, and privileged state under /sim/."""

from __future__ import annotations

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from visualization_msgs.msg import MarkerArray

from so_arm.core.episode_info import EpisodeInfo
from so_arm.nodes import qos
from so_arm.nodes.camera_topics import has_listeners
from so_arm.nodes.episode_topic import PATIENCE_S, EpisodeTopic
from so_arm.nodes.markers import scene_markers
from so_arm.nodes.messages import diagnostic_array, key_values
from so_arm.rewards.state import RewardState


class WorldTopics:
    """Each but the episode is published only while somebody listens. patience_s: see `EpisodeTopic`."""

    def __init__(self, node: Node, patience_s: float = PATIENCE_S) -> None:
        self._episode = EpisodeTopic(node, patience_s)
        self._objects = node.create_publisher(MarkerArray, "sim/objects", qos.STATE)
        self._state = node.create_publisher(DiagnosticArray, "sim/state", qos.STATE)

    def episode(self, info: EpisodeInfo) -> None:
        self._episode.publish(info)

    def state(self, stamp_ns: int, state: RewardState) -> None:
        if has_listeners(self._state):
            status = DiagnosticStatus(name="sim/state", values=key_values(state.to_text()))
            self._state.publish(diagnostic_array(stamp_ns, status))

    def objects(self, stamp_ns: int, objects: np.ndarray) -> None:
        """objects: what a task observes."""
        if has_listeners(self._objects):
            self._objects.publish(scene_markers(stamp_ns, objects))
