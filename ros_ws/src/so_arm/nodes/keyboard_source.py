"""Teleoperation by keys."""

from __future__ import annotations

import numpy as np
from std_msgs.msg import String

from so_arm.core.jog import KeyJog
from so_arm.core.jog_target import JogTarget
from so_arm.nodes import qos
from so_arm.nodes.runtime import RuntimeNode
from so_arm.nodes.teleop_source import Follower
from so_arm.sim.cartesian_jog import CartesianJog


class KeyboardSource:
    """Keys on /operator/key."""

    problem = ""

    def __init__(self, node: RuntimeNode, period_s: float, hold_s: float) -> None:
        self._keys, self._target = KeyJog(hold_s), JogTarget(CartesianJog(), period_s)
        self._node, self._stamp_ns = node, 0
        node.create_subscription(String, "operator/key", self._on_key, qos.RECORDER)

    def begin(self, follower: Follower, episode_ns: int) -> None:
        self._keys.stop()
        self._target.reset(follower.position)

    def target(self, follower: Follower) -> np.ndarray | None:
        self._stamp_ns = follower.stamp_ns
        return self._target.step(self._keys.jog(follower.stamp_ns), follower.position)

    @property
    def text(self) -> str:
        return self._keys.text

    def close(self) -> None:
        """Nothing is open."""

    def _on_key(self, message: String) -> None:
        self._node.counts["jog_keys" if self._keys.press(message.data, self._stamp_ns) else "other_keys"] += 1
