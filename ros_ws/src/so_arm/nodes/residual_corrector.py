"""residual_corrector: picks the step of the action chunk that answers each observation, and corrects it."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

from so_arm.core.chunk import ActionChunk
from so_arm.core.chunk_pairs import ChunkPairs
from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.pacing import TickPacer
from so_arm.core.policy_tick import PolicyTick
from so_arm.core.residual import Corrected
from so_arm.learning.residual.corrector import Residual
from so_arm.nodes import qos
from so_arm.nodes.camera_topics import has_listeners
from so_arm.nodes.chunking import Chunking
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import JointStateReader, JointStateWriter, chunk_from_message, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.plan_topics import CHUNK, FEATURES, features_from_message
from so_arm.nodes.runtime import RuntimeNode, run
from so_arm.nodes.services import create_switches

_ZERO = np.zeros(NUM_JOINTS)


@dataclass(frozen=True)
class Settings(Chunking):
    residual_path: str = parameter("", "Folder of a trained residual; empty: the zero residual.")
    task: str = parameter("", "Task that the residual has to be trained for; empty: any.")
    bound: tuple[float, ...] = parameter(
        (1.0,),
        "Narrows the trained bound, as a share of each joint's half range: one value, or one per joint.",
        low=0.0,
        high=1.0,
        lengths=(1, NUM_JOINTS),
        changeable=True,
    )
    enabled: bool = parameter(True, "Apply the residual; false: the base action passes.", changeable=True)


class Answer(NamedTuple):
    """What the policy and the residual say to one observation."""

    stamp_ns: int
    base: np.ndarray  #: (6,) [rad]
    corrected: Corrected


class ResidualCorrector(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("residual_corrector", Settings)

    def setup(self) -> None:
        settings = self.settings
        path = Path(settings.residual_path).expanduser() if settings.residual_path else None
        policy = Path(settings.policy_path).expanduser() if settings.policy_path else None
        self._residual = Residual.load(path, policy, settings.task or None)
        self._residual.limit(settings.bound)
        self._timeline = settings.timeline()
        self._pacer = TickPacer(self._timeline.period_ns)
        self._pairs = ChunkPairs(self._residual.feature_size)
        self._waiting: tuple[int, np.ndarray] | None = None
        self._answered: Answer | None = None
        self._reader = JointStateReader("joint state")
        self._writer = JointStateWriter()
        self._episodes = EpisodeListener(self, self._on_episode)
        self._action = self.create_publisher(JointState, "policy/action", qos.COMMAND)
        self._base = self.create_publisher(JointState, "policy/base_action", qos.COMMAND)
        self._correction = self.create_publisher(JointState, "policy/residual_action", qos.COMMAND)
        create_switches(self, set_enabled=self._set_enabled)
        if self._residual.feature_size:
            self.create_subscription(Image, FEATURES, self._on_features, qos.CONTROL)
        self.create_subscription(JointTrajectory, CHUNK, self._on_chunk, qos.CONTROL)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.CONTROL)
        self.get_logger().info("ready")

    def settings_changed(self, settings: Settings, given: Collection[str]) -> None:
        self._residual.limit(settings.bound)

    def check_health(self) -> tuple[bytes, str]:
        self.readings["residual"] = "on" if self.settings.enabled else "off"
        return super().check_health()

    def _set_enabled(self, enabled: bool) -> str:
        self.set_parameters([Parameter("enabled", value=enabled)])
        return f"residual {'on' if enabled else 'off'}"

    def _on_episode(self, info: EpisodeInfo) -> None:
        self._timeline.reset()
        self._pacer.reset()
        self._pairs.reset()
        self._residual.reset()
        self._waiting = self._answered = None

    def _on_chunk(self, message: JointTrajectory) -> None:
        self.counts["chunks"] += 1
        try:
            chunk = chunk_from_message(message, self._timeline.period_ns)
            self._take_over(self._pairs.chunk(chunk, time.monotonic()))
        except UserError as error:
            self.problem(str(error))

    def _on_features(self, message: Image) -> None:
        try:
            features = features_from_message(message)
            self._take_over(self._pairs.features(stamp_ns(message.header.stamp), features))
        except UserError as error:
            self.problem(str(error))

    def _take_over(self, chunk: ActionChunk | None) -> None:
        """A chunk that is whole; UserError for one of another control rate."""
        if chunk is None:
            return
        # In lockstep a chunk that nobody waits for would make the outcome depend on timing.
        wanted = self._timeline.due(chunk.stamp_ns) if self.settings.lockstep else True
        if not (self._episodes.covers(chunk.stamp_ns) and wanted and self._timeline.add(chunk)):
            self.counts["chunks_dropped"] += 1
            return
        if self._waiting is not None and self._waiting[0] == chunk.stamp_ns:
            self._answer(*self._waiting)

    def _on_state(self, message: JointState) -> None:
        stamp = stamp_ns(message.header.stamp)
        if not self._episodes.covers(stamp):
            return
        self.counts["observations"] += 1
        if alone_s := self._pairs.alone_s(time.monotonic()):
            self.problem(f"chunks come without their features on {FEATURES} for {alone_s:.1f} s")
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
        answer = self._answered
        if answer is None or answer.stamp_ns != stamp:  # an observation that comes again is no tick of its own
            step = self._timeline.at(stamp)
            if step is None:
                self.counts["observations_without_chunk"] += 1
                return
            corrected = self._residual.correct(PolicyTick.of(stamp, position, step))
            answer = self._answered = Answer(stamp, step.position, corrected)
        residual, action = answer.corrected if self.settings.enabled else (_ZERO, answer.base)
        # The command first: it is waited for, the others are looked at.
        self._action.publish(self._writer.write(stamp, action))
        self._publish_wanted(self._base, stamp, answer.base)
        self._publish_wanted(self._correction, stamp, residual)

    def _publish_wanted(self, publisher: Publisher, stamp: int, values: np.ndarray) -> None:
        if has_listeners(publisher):
            publisher.publish(self._writer.write(stamp, values))


def main() -> None:
    run(ResidualCorrector)


if __name__ == "__main__":
    main()
