"""command_mux: the only publisher of /follower/joint_commands; decides whether hold, policy or teleop is heard.

The `frame_id` of every command is the source that it comes from.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState

from so_arm.core.arbiter import HOLD, POLICY, SOURCES, TELEOP, Arbiter, Control
from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import JointStateReader, JointStateWriter, key_values, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import OK, WARN, RuntimeNode, run
from so_arm.nodes.services import create_switches

_REFUSED = np.full(NUM_JOINTS, np.nan)


@dataclass(frozen=True)
class Settings:
    source: str = parameter(POLICY, "Who commands the arm.", choices=SOURCES, changeable=True)
    fps: int = parameter(30, "Control rate [Hz].", low=1, high=200)
    handover_velocity: float = parameter(1.0, "Slew limit after a change of source [rad/s].", low=0.01, high=5.0)
    source_timeout: float = parameter(0.5, "The arm holds when the source is silent so long [s].", low=0.05, high=60.0)


class CommandMux(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("command_mux", Settings)

    def setup(self) -> None:
        settings = self.settings
        self._arbiter = Arbiter(
            settings.source, 1.0 / settings.fps, settings.handover_velocity, int(settings.source_timeout * 1e9)
        )
        self._writer = JointStateWriter()
        self._states = JointStateReader("joint state")
        self._readers = {POLICY: JointStateReader("policy action"), TELEOP: JointStateReader("teleop command")}
        self._episode_id = ""
        self._told: Control | None = None
        self.states_seen_ns = 0  #: stamp of the newest joint state
        self.refuse_other_publishers("follower/joint_commands")
        self._episodes = EpisodeListener(self, self._on_episode)
        self._commands = self.create_publisher(JointState, "follower/joint_commands", qos.COMMAND)
        self._control = self.create_publisher(DiagnosticStatus, "control/status", qos.LATCHED)
        create_switches(self, take_over=self._take_over)
        self.create_subscription(JointState, "policy/action", self._on_policy, qos.CONTROL)
        self.create_subscription(JointState, "teleop/command", self._on_teleop, qos.CONTROL)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.CONTROL)
        self._tell()
        self.get_logger().info(f"ready: {settings.source}")

    def settings_changed(self, settings: Settings, given: Collection[str]) -> None:
        # Also when it is the value of before: somebody may have taken over since.
        if "source" in given and settings.source != self._arbiter.source:
            self._arbiter.select(settings.source)
            self._change_source()

    def _take_over(self, on: bool) -> str:
        done = self._arbiter.take_over(on)
        self._change_source()
        self.get_logger().info(done)
        return done

    def _change_source(self) -> None:
        """The new source may have answered the newest observation already."""
        stamp = self.states_seen_ns
        if self._arbiter.source != POLICY or self._in_charge(stamp):
            self._publish(stamp, self._arbiter.catch_up(stamp))
        self._tell()

    def check_health(self) -> tuple[bytes, str]:
        arbiter = self._arbiter
        self.readings = {
            "source": arbiter.source,
            "holding": str(arbiter.holding),
            "ignored": str(arbiter.ignored),
            "refused": str(arbiter.refused),
        }
        level, text = super().check_health()
        # Between episodes sources are to say nothing, and before all of them they may still be starting.
        begun = self._episodes.info.id or self.counts[arbiter.source]
        waited_for = begun and self._in_charge(self.states_seen_ns)
        if level == OK and arbiter.holding and arbiter.source != HOLD and waited_for:
            return WARN, f"holding: {arbiter.source} is silent"
        return level, text

    def _on_episode(self, info: EpisodeInfo) -> None:
        if info.running and info.id != self._episode_id:
            self._episode_id = info.id
            self._arbiter.begin_episode()

    def _on_policy(self, message: JointState) -> None:
        self._offer(POLICY, message)

    def _on_teleop(self, message: JointState) -> None:
        self._offer(TELEOP, message)

    def _offer(self, source: str, message: JointState) -> None:
        self.counts[source] += 1
        try:
            position = self._readers[source].position(message)
            if not np.isfinite(position).all():
                self.problem(f"{source}: command is not finite")
        except UserError as error:
            self.problem(str(error))
            position = _REFUSED
        stamp = stamp_ns(message.header.stamp)
        if source == POLICY and not self._in_charge(stamp):
            self.counts["outside_episode"] += 1
            return
        self._publish(stamp, self._arbiter.offer(source, stamp, position))
        self._tell()

    def _on_state(self, message: JointState) -> None:
        try:
            position = self._states.position(message)
        except UserError as error:
            self.problem(str(error))
            return
        self.states_seen_ns = stamp_ns(message.header.stamp)
        target = self._arbiter.observe(self.states_seen_ns, position)
        if target is not None and self._in_charge(self.states_seen_ns):
            self._publish(self.states_seen_ns, target)
        self._tell()

    def _in_charge(self, stamp: int) -> bool:
        """Where episodes are run, only their observations are answered, and none before its episode is known here:
        a hold or a handover from before would be taken for the first command of the new episode.
        """
        if self._episodes.info.id:
            return self._episodes.covers(stamp)
        return self.count_publishers("episode/info") == 0

    def _publish(self, stamp: int, target: np.ndarray | None) -> None:
        if target is not None:
            self.counts["commands"] += 1
            self._commands.publish(self._writer.write(stamp, target, frame_id=self._arbiter.sent_by))

    def _tell(self) -> None:
        control = self._arbiter.control
        if control != self._told:
            self._told = control
            values = key_values(control.to_text())
            self._control.publish(DiagnosticStatus(name="control", message=control.source, values=values))


def main() -> None:
    run(CommandMux)


if __name__ == "__main__":
    main()
