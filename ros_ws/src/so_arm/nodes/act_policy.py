"""act_policy: answers observations with action chunks of a LeRobot policy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sensor_msgs.msg import Image, JointState

from so_arm.core.chunk import ActionChunk
from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.learning.controller import Prediction
from so_arm.learning.policy import load_policy
from so_arm.learning.policy_fit import check_fit, check_image_size
from so_arm.nodes import qos
from so_arm.nodes.chunking import Chunking
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import JointStateReader, image_from_message, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.plan_topics import Plan, PlanTopics, plan
from so_arm.nodes.policy_worker import Job, PolicyWorker
from so_arm.nodes.runtime import RuntimeNode, run


@dataclass(frozen=True)
class Settings(Chunking):
    policy_device: str = parameter("cpu", "Torch device: cpu, cuda, cuda:0, ...")
    precision: str = parameter(
        "auto", "Arithmetic; auto: the fastest that stays accurate.", choices=("auto", "fp32", "bf16")
    )
    threads: int = parameter(1, "Torch threads.", low=1, high=64)
    cameras: tuple[str, ...] = parameter(
        ("static", "wrist"), "Cameras that are there: NAME publishes NAME_camera/image_raw."
    )
    max_image_age: float = parameter(0.5, "Real time: no planning on images older than this [s].", low=0.01, high=10.0)


class Seen(NamedTuple):
    stamp_ns: int
    message: Image


class ActPolicyNode(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("act_policy", Settings)
        self._worker: PolicyWorker | None = None

    def setup(self) -> None:
        settings = self.settings
        if not settings.policy_path:
            raise UserError("parameter policy_path is empty; give a LeRobot policy directory")
        folder = Path(settings.policy_path).expanduser()
        policy = load_policy(folder, settings.policy_device, settings.precision, settings.threads)
        check_fit(folder, policy, settings.fps, settings.cameras)
        self._timeline = settings.timeline()
        self._joints: tuple[int, np.ndarray] | None = None
        self._images: dict[str, Seen] = {}
        self._names = tuple(policy.camera_names)
        self._sizes = {name: policy.image_size(name) for name in self._names}
        self._planned: Plan | None = None
        self._seen_ns = 0
        self._changing = threading.Lock()  # timeline and plan are shared with the worker's thread
        self._reader = JointStateReader("joint state")
        self._worker = PolicyWorker(policy, self._on_plan, self.fail)
        self._worker.warm_up()
        self._episodes = EpisodeListener(self, self._on_episode)
        self._topics = PlanTopics(self)
        for name in self._names:
            self.create_subscription(Image, f"{name}_camera/image_raw", partial(self._on_image, name), qos.CONTROL)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.CONTROL)
        self.get_logger().info(f"ready: {folder}, cameras {', '.join(self._names) or 'none'}")

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def check_health(self) -> tuple[bytes, str]:
        assert self._worker is not None
        self.readings["inference_ms"] = f"{self._worker.last_s * 1e3:.1f}"
        return super().check_health()

    def _on_episode(self, info: EpisodeInfo) -> None:
        with self._changing:
            self._timeline.reset()
            self._planned = None
        self._joints, self._images = None, {}

    def _on_image(self, name: str, message: Image) -> None:
        stamp = stamp_ns(message.header.stamp)
        if self._episodes.covers(stamp):
            self.counts[f"{name}_images"] += 1
            self._images[name] = Seen(stamp, message)
            if self.settings.lockstep:
                self._plan_if_due(repeated=False)

    def _on_state(self, message: JointState) -> None:
        stamp = stamp_ns(message.header.stamp)
        if not self._episodes.covers(stamp):
            return
        self.counts["observations"] += 1
        try:
            self._joints = stamp, self._reader.position(message)
        except UserError as error:
            self.problem(str(error))
            return
        repeated, self._seen_ns = stamp == self._seen_ns, stamp
        self._plan_if_due(repeated)

    def _plan_if_due(self, repeated: bool) -> None:
        """repeated: the observation came again, so in lockstep somebody lacks the answer to it."""
        assert self._worker is not None
        if self._joints is None or self._worker.busy:
            return
        stamp, position = self._joints
        with self._changing:
            if self._planned is not None and self._planned.stamp_ns == stamp:
                if repeated:
                    self._topics.publish(self._planned)
                return
            due = self._timeline.due(stamp) or (repeated and self.settings.lockstep)
        if due and self._images_fit(stamp):
            try:
                images = {name: image_from_message(self._images[name].message) for name in self._names}
            except UserError as error:
                self.problem(str(error))
                return
            if self._large_enough(images):
                self._worker.submit(Job(self._episodes.info.id, stamp, position, images))

    def _large_enough(self, images: dict[str, np.ndarray]) -> bool:
        """Ends the node when the cameras send less than the policy wants; in real time only before its first chunk,
        because a camera that comes back smaller in mid-motion may be itself again soon.
        """
        try:
            for name, image in images.items():
                check_image_size(name, image.shape[:2], self._sizes[name])
        except UserError as error:
            if self.counts["chunks"] and not self.settings.lockstep:
                self.problem(str(error))
                return False
            height, width = (max(sides) for sides in zip(*self._sizes.values(), strict=True))
            self.fail(UserError(f"{error}; launch with image_height:={height} image_width:={width}"))
            return False
        return True

    def _images_fit(self, stamp: int) -> bool:
        """Lockstep: every image carries the stamp of the joint state; real time: none is too old."""
        for name in self._names:
            seen = self._images.get(name)
            age_ns = stamp - seen.stamp_ns if seen is not None else None
            if self.settings.lockstep:
                if age_ns != 0:
                    return False
            elif age_ns is None or age_ns > self.settings.max_image_age * 1e9:
                age = "" if age_ns is None else f" for {age_ns * 1e-9:.1f} s"
                self.problem(f"no plan: no image of camera {name}{age}")
                return False
        return True

    def _on_plan(self, job: Job, prediction: Prediction) -> Callable[[], None]:
        """In the worker's thread."""
        chunk = ActionChunk(job.stamp_ns, self._timeline.period_ns, *prediction)
        answer = plan(chunk)
        with self._changing:
            current = self._episodes.info.running and job.episode_id == self._episodes.info.id
            if current:
                self._timeline.add(chunk)
                self._planned = answer

        def publish() -> None:
            self.counts["chunks" if current else "chunks_dropped"] += 1
            if current:
                self._topics.publish(answer)

        return publish


def main() -> None:
    run(ActPolicyNode)


if __name__ == "__main__":
    main()
