"""What mujoco_bridge publishes: one observation per tick, the episode, the description of the arm."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from so_arm.core.episode_info import EpisodeInfo
from so_arm.nodes import qos
from so_arm.nodes.camera_topics import CameraTopics
from so_arm.nodes.messages import JointStateWriter, set_stamp
from so_arm.nodes.robot_description import publish_description
from so_arm.nodes.world_topics import WorldTopics
from so_arm.rewards.state import RewardState
from so_arm.sim.env import SoArmEnv
from so_arm.sim.viewer import Viewer


class BridgeTopics:
    """The sink of an `EpisodeLoop`. Used in the loop's thread, which owns the cameras' OpenGL contexts."""

    def __init__(
        self, node: Node, env: SoArmEnv, cameras: tuple[str, ...], lockstep: bool, viewer: Viewer | None
    ) -> None:
        self._env, self._viewer, self._lockstep = env, viewer, lockstep
        self._world = WorldTopics(node)
        self._clock = node.create_publisher(Clock, "/clock", qos.STATE)
        self._joints = node.create_publisher(JointState, "follower/joint_states", qos.STATE)
        self._description = publish_description(node)
        self._joint_writer = JointStateWriter(with_velocity=True)
        self._clock_message = Clock()
        self._cameras = [self._camera(node, name) for name in cameras]

    def episode(self, info: EpisodeInfo) -> None:
        self._world.episode(info)

    def observation(self, stamp_ns: int, observation: Mapping[str, np.ndarray], state: RewardState) -> int:
        if self._lockstep:
            set_stamp(self._clock_message.clock, stamp_ns)
            self._clock.publish(self._clock_message)
        for camera in self._cameras:
            if camera.wanted:
                camera.publish(stamp_ns, self._env.camera_image(camera.name))
        message = self._joint_writer.write(stamp_ns, observation["joint_position"], observation["joint_velocity"])
        published_ns = time.perf_counter_ns()
        self._joints.publish(message)
        self._world.state(stamp_ns, state)
        self._world.objects(stamp_ns, observation["objects"])
        if self._viewer is not None:
            self._viewer.sync()
        return published_ns

    def _camera(self, node: Node, name: str) -> CameraTopics:
        height, width = self._env.image_size
        fovy = math.radians(float(self._env.arm.model.camera(name).fovy[0]))
        return CameraTopics(node, name, height, width, height / 2 / math.tan(fovy / 2))
