"""Teleoperation without a person: the scripted expert of a simulation."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from visualization_msgs.msg import MarkerArray

from so_arm.core.errors import UserError
from so_arm.nodes import qos
from so_arm.nodes.markers import objects_of
from so_arm.nodes.messages import stamp_ns
from so_arm.nodes.runtime import RuntimeNode
from so_arm.nodes.teleop_source import Follower
from so_arm.sim.expert_pilot import ExpertPilot

#: Simulated objects older than this are not acted on.
_OBJECTS_AGE_NS = 500_000_000
#: An arm that is there for so long without simulated objects is not simulated [s].
EXPERT_PATIENCE_S = 5.0
_BLIND_S = 0.5


class ExpertSource:
    """The scripted expert; it sees the simulator's privileged state."""

    text = ""

    def __init__(self, node: RuntimeNode, task: str, lockstep: bool, again: Callable[[], None]) -> None:
        self._pilot = ExpertPilot(task)
        self._node, self._lockstep, self._again = node, lockstep, again
        self._objects: tuple[int, np.ndarray] | None = None
        self._episode_ns = 0
        self._arm_since_s: float | None = None
        self._blind_since_s: float | None = None
        node.create_subscription(MarkerArray, "sim/objects", self._on_objects, qos.CONTROL)
        node.create_timer(1.0, self._refuse_what_is_not_simulated)

    def begin(self, follower: Follower, episode_ns: int) -> None:
        self._pilot.begin(follower.position)
        self._episode_ns = episode_ns

    def target(self, follower: Follower) -> np.ndarray | None:
        objects = self._objects
        if objects is None or not self._fits(objects[0], follower.stamp_ns):
            self._blind_since_s = self._blind_since_s or time.monotonic()
            return None
        self._blind_since_s = None
        return self._pilot.act(follower.position, follower.velocity, objects[1])

    @property
    def problem(self) -> str:
        # In lockstep it is blind for a moment in every tick.
        blind = self._blind_since_s is not None and time.monotonic() - self._blind_since_s > _BLIND_S
        return "nothing new on sim/objects" if blind else ""

    def close(self) -> None:
        """Nothing is open."""

    def _fits(self, objects_ns: int, follower_ns: int) -> bool:
        """In lockstep they are published after the joint states, with the same stamp."""
        if self._lockstep:
            return objects_ns == follower_ns
        return objects_ns >= self._episode_ns and abs(follower_ns - objects_ns) <= _OBJECTS_AGE_NS

    def _on_objects(self, message: MarkerArray) -> None:
        if message.markers:
            self._objects = stamp_ns(message.markers[0].header.stamp), objects_of(message)
            self._again()

    def _refuse_what_is_not_simulated(self) -> None:
        node = self._node
        if not node.count_publishers("follower/joint_states") or node.count_publishers("sim/objects"):
            self._arm_since_s = None
            return
        self._arm_since_s = self._arm_since_s or time.monotonic()
        if time.monotonic() - self._arm_since_s > EXPERT_PATIENCE_S:
            node.fail(
                UserError(
                    "source expert needs a simulation, and nothing publishes /sim/objects; choose hardware_type mujoco"
                    " or emulated, or one of the sources: leader, keyboard, gamepad"
                )
            )
