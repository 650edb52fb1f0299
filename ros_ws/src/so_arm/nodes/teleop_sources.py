"""What a person, or the expert in a person's place, moves the arm with."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from so_arm.core.errors import UserError
from so_arm.core.jog import KeyJog
from so_arm.core.jog_target import JogTarget
from so_arm.core.leader_watch import LeaderWatch
from so_arm.core.pad_jog import TAKE_OVER, jog_of
from so_arm.hardware.gamepad import Gamepad
from so_arm.nodes import qos
from so_arm.nodes.control_listener import ControlListener
from so_arm.nodes.markers import objects_of
from so_arm.nodes.messages import JointStateReader, stamp_ns
from so_arm.nodes.runtime import RuntimeNode
from so_arm.sim.cartesian_jog import CartesianJog
from so_arm.sim.expert_pilot import ExpertPilot

#: Simulated objects older than this are not acted on.
_OBJECTS_AGE_NS = 500_000_000
#: An arm that is there for so long without simulated objects is not simulated [s].
EXPERT_PATIENCE_S = 5.0
_BLIND_S = 0.5
_BUTTON_PERIOD_S = 0.02


class Follower(NamedTuple):
    """A state of the arm that moves."""

    stamp_ns: int
    position: np.ndarray  #: (6,) [rad]
    velocity: np.ndarray  #: (6,) [rad/s]


class Source(Protocol):
    """One of them. `again` (given to the constructors): a state that got no target may get one now."""

    def begin(self, follower: Follower, episode_ns: int) -> None:
        """From here on it is heard. episode_ns: stamp that the episode began with, 0 without one."""

    def target(self, follower: Follower) -> np.ndarray | None:
        """Joint targets (6,) [rad]; None: it says nothing, and `problem` says why."""

    @property
    def problem(self) -> str: ...

    @property
    def text(self) -> str:
        """What a person should know of it, like the mode that the keys are in."""

    def close(self) -> None: ...


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


class GamepadSource:
    """Sticks, and a button that takes over while it is held."""

    def __init__(
        self,
        node: RuntimeNode,
        device: str,
        period_s: float,
        dead_zone: float,
        speed: float,
        again: Callable[[], None],
        control: ControlListener,
    ) -> None:
        self._target = JogTarget(CartesianJog(), period_s)
        self._dead_zone, self._speed = dead_zone, speed
        self._again, self._control = again, control
        self._lost = self._took_over = False
        self._held: bool | None = None  # None: not known since it was plugged in
        self._pad = Gamepad(device)
        node.create_timer(_BUTTON_PERIOD_S, self._watch)

    def begin(self, follower: Follower, episode_ns: int) -> None:
        self._target.reset(follower.position)

    def target(self, follower: Follower) -> np.ndarray | None:
        state = self._pad.state
        if state is None:
            self._lost = True
            return None
        if self._lost:
            self._lost = False
            self._target.reset(follower.position)
        return self._target.step(jog_of(state, self._dead_zone, self._speed), follower.position)

    @property
    def problem(self) -> str:
        return self._pad.problem

    @property
    def text(self) -> str:
        return self._pad.name

    def close(self) -> None:
        self._pad.close()

    def _watch(self) -> None:
        state = self._pad.state
        if state is None:
            self._held = None  # it is not taken for let go: the arm holds until somebody presses again
            return
        held = TAKE_OVER in state.pressed
        if self._held is not None and held != self._held:
            self._on_button(held)
        self._held = held
        if self._lost:
            self._again()

    def _on_button(self, held: bool) -> None:
        """What was not taken over is not handed back: without a policy, teleop is in control all along."""
        if held and not self._control.is_ours:
            self._took_over = True
            self._control.take_over(True)
        elif not held and self._took_over:
            self._took_over = False
            self._control.take_over(False)


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
