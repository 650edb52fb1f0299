"""The topics of replay_player: recorded observations out, what the graph answers in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from so_arm.core.errors import UserError
from so_arm.core.replay_answers import KINDS, ReplayAnswers
from so_arm.nodes import qos
from so_arm.nodes.camera_topics import CameraTopics
from so_arm.nodes.episode_preparations import unpublished
from so_arm.nodes.episode_topic import EpisodeTopic
from so_arm.nodes.messages import (
    JointStateReader,
    JointStateWriter,
    chunk_from_message,
    diagnostic_array,
    key_values,
    stamp_ns,
    texts_of,
)
from so_arm.nodes.runtime import RuntimeNode

#: What answers a replay: topic -> the node that publishes it.
CHAIN = {"policy/action_chunk": "act_policy"} | {f"policy/{kind}": "residual_corrector" for kind in KINDS}


class ReplayTopics:
    """images: camera -> an image of it. rewarded: states of the simulation are sent to reward_estimator, too."""

    def __init__(self, node: RuntimeNode, period_ns: int, images: Mapping[str, np.ndarray], rewarded: bool) -> None:
        self._node, self._period_ns = node, period_ns
        self._changed = threading.Condition()
        self._answers: ReplayAnswers | None = None
        self._rewards: dict[int, Mapping[str, str]] = {}
        self._chain = dict(CHAIN)
        self.episode = EpisodeTopic(node)
        self._joints = node.create_publisher(JointState, "follower/joint_states", qos.STATE)
        self._writer = JointStateWriter()
        self._cameras = {name: CameraTopics(node, name, *image.shape[:2]) for name, image in images.items()}
        self._states: Publisher | None = None
        node.create_subscription(JointTrajectory, "policy/action_chunk", self._on_chunk, qos.RECORDER)
        self._readers = {kind: JointStateReader(f"policy/{kind}") for kind in KINDS}
        for kind in KINDS:
            node.create_subscription(JointState, f"policy/{kind}", partial(self._on_step, kind), qos.RECORDER)
        if rewarded:
            self._chain["reward/terms"] = "reward_estimator"
            self._states = node.create_publisher(DiagnosticArray, "sim/state", qos.STATE)
            node.create_subscription(DiagnosticArray, "reward/terms", self._on_reward, qos.RECORDER)

    def absent(self) -> str | None:
        """A node that is not there yet; None: all are."""
        return unpublished(self._node, self._chain)

    def begin(self, answers: ReplayAnswers) -> None:
        """Messages answer this episode from now on."""
        with self._changed:
            self._answers, self._rewards = answers, {}

    def observe(self, stamp: int, position: np.ndarray, images: Mapping[str, np.ndarray]) -> None:
        for name, image in images.items():
            self._cameras[name].publish(stamp, image)
        self._joints.publish(self._writer.write(stamp, position))

    def sim_state(self, stamp: int, texts: Mapping[str, str]) -> None:
        """What /sim/state said."""
        assert self._states is not None, "states are sent where rewards are wanted"
        self._states.publish(diagnostic_array(stamp, DiagnosticStatus(name="state", values=key_values(texts))))

    def reward(self, stamp: int) -> Mapping[str, str] | None:
        """What reward_estimator made of that state, None as long as it has not answered."""
        with self._changed:
            return self._rewards.get(stamp)

    def wait(self, condition: Callable[[], object], seconds: float) -> bool:
        """Until `condition` holds, which is asked whenever a message came; False when time is up."""
        with self._changed:
            return bool(self._changed.wait_for(condition, seconds))

    def _on_chunk(self, message: JointTrajectory) -> None:
        self._take(lambda answers: answers.chunk(chunk_from_message(message, self._period_ns)))

    def _on_step(self, kind: str, message: JointState) -> None:
        position = self._readers[kind].position
        self._take(lambda answers: answers.step(kind, stamp_ns(message.header.stamp), position(message)))

    def _on_reward(self, message: DiagnosticArray) -> None:
        with self._changed:
            for status in message.status[:1]:
                self._rewards[stamp_ns(message.header.stamp)] = texts_of(status)
            self._changed.notify()

    def _take(self, give: Callable[[ReplayAnswers], None]) -> None:
        with self._changed:
            try:
                if self._answers is not None:
                    give(self._answers)
            except UserError as error:
                self._node.problem(str(error))
            self._changed.notify()
