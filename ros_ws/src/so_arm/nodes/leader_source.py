"""Teleoperation by a second arm."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import JointState

from so_arm.core.errors import UserError
from so_arm.core.leader_watch import LeaderWatch
from so_arm.nodes import qos
from so_arm.nodes.messages import JointStateReader
from so_arm.nodes.runtime import RuntimeNode
from so_arm.nodes.teleop_source import Follower


class LeaderSource:
    """A second arm that is moved by hand."""

    text = ""

    def __init__(self, node: RuntimeNode, timeout_s: float, again: Callable[[], None]) -> None:
        self._node, self._again = node, again
        self._watch = LeaderWatch(timeout_s)
        self._reader = JointStateReader("leader state")
        node.create_subscription(JointState, "leader/joint_states", self._on_leader, qos.CONTROL)

    def begin(self, follower: Follower, episode_ns: int) -> None:
        """The leader is where it is; command_mux brings the follower there."""

    def target(self, follower: Follower) -> np.ndarray | None:
        return self._watch.position(time.monotonic())

    @property
    def problem(self) -> str:
        return self._watch.problem(time.monotonic())

    def close(self) -> None:
        """Nothing is open."""

    def _on_leader(self, message: JointState) -> None:
        self._node.counts["leader_states"] += 1
        try:
            if self._watch.hear(self._reader.position(message), time.monotonic()):
                self._again()
            else:
                self._node.problem("leader state is not finite")
        except UserError as error:
            self._node.problem(str(error))
