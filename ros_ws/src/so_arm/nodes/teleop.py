"""teleop: a person's hand on the arm, by a leader arm, keys or a gamepad; or the expert of a simulation.

It answers joint states on /teleop/command while command_mux has teleop in control. The way from where the arm is to
where the hand is, at bounded speed, is command_mux's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.jog import HOLD_S
from so_arm.core.pacing import TickPacer
from so_arm.nodes import qos
from so_arm.nodes.control_listener import ControlListener
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.expert_source import ExpertSource
from so_arm.nodes.gamepad_source import GamepadSource
from so_arm.nodes.keyboard_source import KeyboardSource
from so_arm.nodes.leader_source import LeaderSource
from so_arm.nodes.messages import JointStateReader, JointStateWriter, key_values, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import OK, WARN, RuntimeNode, run
from so_arm.nodes.teleop_source import Follower, Source

LEADER, KEYBOARD, GAMEPAD, EXPERT = "leader", "keyboard", "gamepad", "expert"
_TELL_S = 0.1
#: Who runs episodes is known by then; until it is, the arm is left alone [s].
_LOOK_AROUND_S = 3.0


@dataclass(frozen=True)
class Settings:
    source: str = parameter(LEADER, "What moves the arm.", choices=(LEADER, KEYBOARD, GAMEPAD, EXPERT))
    fps: int = parameter(30, "Control rate [Hz].", low=1, high=200)
    lockstep: bool = parameter(False, "Answer every joint state; false: one per control tick.")
    task: str = parameter("pick_place", "Task of the expert; a person may do any.")
    device: str = parameter("", "Gamepad: /dev/input/... (by-id survives a replug), or a recording; empty: the first.")
    between_episodes: bool = parameter(False, "Move the arm between episodes too, where episodes are run.")
    leader_timeout: float = parameter(0.15, "A leader that is silent so long is not followed [s].", low=0.02, high=5.0)
    key_hold: float = parameter(HOLD_S, "A key press moves for so long [s].", low=0.05, high=1.0)
    dead_zone: float = parameter(0.15, "Share of a stick's way that does nothing.", low=0.0, high=0.9)
    speed: float = parameter(0.5, "Share of full speed at a stick's end.", low=0.01, high=1.0)


class Teleop(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("teleop", Settings)
        self._source: Source | None = None

    def setup(self) -> None:
        settings = self.settings
        self._reader, self._writer = JointStateReader("joint state"), JointStateWriter()
        self._pacer = TickPacer(round(1e9 / settings.fps))
        self._begins = True  # the source is to be told before its next target
        self._waiting: Follower | None = None  # the newest state without an answer
        self._answered: tuple[int, np.ndarray] | None = None
        self._said = ""
        self._told: tuple[str, ...] = ()
        self.refuse_other_publishers("teleop/command")
        self._episodes = EpisodeListener(self, self._on_episode)
        self._control = ControlListener(self, self._on_control)
        self._source = self._make_source()
        self._commands = self.create_publisher(JointState, "teleop/command", qos.COMMAND)
        self._status = self.create_publisher(DiagnosticStatus, "teleop/status", qos.LATCHED)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.CONTROL)
        self.create_timer(_TELL_S, self._tell)
        self._began_s = time.monotonic()
        self.get_logger().info(f"ready: {settings.source}")

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def check_health(self) -> tuple[bytes, str]:
        assert self._source is not None
        self.readings = {"source": self.settings.source, "control": self._control.source, "text": self._source.text}
        level, text = super().check_health()
        problem = self._source.problem
        if level == OK and problem and self._control.is_ours:
            waits = self.settings.lockstep and self._waiting is not None
            return WARN, f"{problem}; the simulation waits for it" if waits else f"{problem}; the arm holds"
        return level, text

    def _make_source(self) -> Source:
        settings, period_s = self.settings, 1.0 / self.settings.fps
        if settings.source == LEADER:
            return LeaderSource(self, settings.leader_timeout, self._again)
        if settings.source == KEYBOARD:
            return KeyboardSource(self, period_s, settings.key_hold)
        if settings.source == EXPERT:
            return ExpertSource(self, settings.task, settings.lockstep, self._again)
        return GamepadSource(
            self, settings.device, period_s, settings.dead_zone, settings.speed, self._again, self._control
        )

    def _on_episode(self, info: EpisodeInfo) -> None:
        self._begins, self._waiting = True, None
        self._pacer.reset()

    def _on_control(self, another: bool) -> None:
        self._begins = self._begins or another
        source, text = self.settings.source, ""
        if not self._control.is_ours:
            text = f"{source} is not in control; {self._control.source} is"
        elif self._control.met:
            text = f"{source} is in control"
        if text and text != self._said:
            self._said = text
            self.get_logger().info(text)
        self._again()

    def _on_state(self, message: JointState) -> None:
        stamp = stamp_ns(message.header.stamp)
        self.counts["states"] += 1
        if not self._wanted(stamp):
            self._waiting = None
            return
        if self._answered is not None and self._answered[0] == stamp:
            self._publish(*self._answered)  # it was published again: same answer
            return
        if not self.settings.lockstep and not self._pacer.picks(stamp):
            return
        try:
            follower = Follower(stamp, self._reader.position(message), self._reader.velocity(message))
        except UserError as error:
            self.problem(str(error))
            return
        if not (np.isfinite(follower.position).all() and np.isfinite(follower.velocity).all()):
            self.problem("joint state is not finite")
            return
        self._waiting = follower
        self._answer(follower)

    def _wanted(self, stamp: int) -> bool:
        if self.settings.between_episodes or self._episodes.covers(stamp):
            return True
        if self._episodes.info.id or self.count_publishers("episode/info"):
            return False
        return time.monotonic() - self._began_s > _LOOK_AROUND_S

    def _again(self) -> None:
        """In lockstep no other state comes before this one is answered; in real time the next one is near."""
        if self.settings.lockstep and self._waiting is not None:
            self._answer(self._waiting)

    def _answer(self, follower: Follower) -> None:
        assert self._source is not None
        if not self._control.is_ours:
            return
        if self._begins:
            self._begins = False
            self._source.begin(follower, self._episodes.info.start_stamp_ns)
        try:
            target = self._source.target(follower)
        except UserError as error:
            self.problem(str(error))
            return
        if target is None:
            self.counts["unanswered"] += 1
            return
        self._waiting, self._answered = None, (follower.stamp_ns, target)
        self._publish(follower.stamp_ns, target)

    def _publish(self, stamp: int, target: np.ndarray) -> None:
        self.counts["commands"] += 1
        self._commands.publish(self._writer.write(stamp, target))

    def _tell(self) -> None:
        assert self._source is not None
        told = (self.settings.source, self._source.text, self._source.problem)
        if told != self._told:
            self._told = told
            values = key_values(dict(zip(("source", "text", "problem"), told, strict=True)))
            level = WARN if self._source.problem else OK
            self._status.publish(
                DiagnosticStatus(level=level, name="teleop", message=told[2] or told[1], values=values)
            )


def main() -> None:
    run(Teleop)


if __name__ == "__main__":
    main()
