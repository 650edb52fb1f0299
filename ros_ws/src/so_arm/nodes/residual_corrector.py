"""residual_corrector: picks the step of the action chunk that answers each observation, and corrects it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.pacing import TickPacer
from so_arm.core.policy_tick import PolicyTick
from so_arm.learning.residual.corrector import Residual
from so_arm.nodes import qos
from so_arm.nodes.camera_topics import has_listeners
from so_arm.nodes.chunking import Chunking
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import JointStateReader, JointStateWriter, chunk_from_message, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run

_ZERO = np.zeros(NUM_JOINTS)


@dataclass(frozen=True)
class Settings(Chunking):
    residual_path: str = parameter("", "Folder of a trained residual; empty: the zero residual.")
    bound: tuple[float, ...] = parameter(
        (1.0,),
        "Narrows the trained bound, as a share of each joint's half range: one value, or one per joint.",
        low=0.0,
        high=1.0,
        lengths=(1, NUM_JOINTS),
        changeable=True,
    )
    enabled: bool = parameter(True, "Apply the residual; false: the base action passes.", changeable=True)


class ResidualCorrector(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("residual_corrector", Settings)

    def setup(self) -> None:
        settings = self.settings
        path = Path(settings.residual_path).expanduser() if settings.residual_path else None
        self._residual = Residual.load(path)
        self._residual.limit(settings.bound)
        self._timeline = settings.timeline()
        self._pacer = TickPacer(self._timeline.period_ns)
        self._waiting: tuple[int, np.ndarray] | None = None
        self._reader = JointStateReader("joint state")
        self._writer = JointStateWriter()
        self._episodes = EpisodeListener(self, self._on_episode)
        self._action = self.create_publisher(JointState, "policy/action", qos.COMMAND)
        self._base = self.create_publisher(JointState, "policy/base_action", qos.COMMAND)
        self._correction = self.create_publisher(JointState, "policy/residual_action", qos.COMMAND)
        self.create_subscription(JointTrajectory, "policy/action_chunk", self._on_chunk, qos.CONTROL)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.CONTROL)
        self.get_logger().info("ready")

    def settings_changed(self, settings: Settings, given: Collection[str]) -> None:
        self._residual.limit(settings.bound)

    def _on_episode(self, info: EpisodeInfo) -> None:
        self._timeline.reset()
        self._pacer.reset()
        self._waiting = None

    def _on_chunk(self, message: JointTrajectory) -> None:
        self.counts["chunks"] += 1
        try:
            chunk = chunk_from_message(message, self._timeline.period_ns)
            # In lockstep a chunk that nobody waits for would make the outcome depend on timing.
            wanted = self._timeline.due(chunk.stamp_ns) if self.settings.lockstep else True
            if not (self._episodes.covers(chunk.stamp_ns) and wanted and self._timeline.add(chunk)):
                self.counts["chunks_dropped"] += 1
                return
        except UserError as error:
            self.problem(str(error))
            return
        if self._waiting is not None and self._waiting[0] == chunk.stamp_ns:
            self._answer(*self._waiting)

    def _on_state(self, message: JointState) -> None:
        stamp = stamp_ns(message.header.stamp)
        if not self._episodes.covers(stamp):
            return
        self.counts["observations"] += 1
        if not self.settings.lockstep and not self._pacer.picks(stamp):
            return
        try:
            position = self._reader.position(message)
        except UserError as error:
            self.problem(str(error))
            return
        if self.settings.lockstep and self._timeline.due(stamp) and not self._timeline.has_chunk(stamp):
            self._waiting = stamp, position
        else:
            self._answer(stamp, position)

    def _answer(self, stamp: int, position: np.ndarray) -> None:
        self._waiting = None
        step = self._timeline.at(stamp)
        if step is None:
            self.counts["observations_without_chunk"] += 1
            return
        base, residual, action = step.position, _ZERO, step.position
        if self.settings.enabled:
            residual, action = self._residual.correct(PolicyTick.of(stamp, position, step))
        # The command first: it is waited for, the others are looked at.
        self._action.publish(self._writer.write(stamp, action))
        self._publish_wanted(self._base, stamp, base)
        self._publish_wanted(self._correction, stamp, residual)

    def _publish_wanted(self, publisher: Publisher, stamp: int, values: np.ndarray) -> None:
        if has_listeners(publisher):
            publisher.publish(self._writer.write(stamp, values))


def main() -> None:
    run(ResidualCorrector)


if __name__ == "__main__":
    main()
