"""leader_emulator: a leader arm that is not there, led by a hand that knows the task.

Its servos answer on a serial port like those of a real leader, limp. The hand sees what a person would see: the
follower and the scene. It leads the leader home between episodes.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState
from visualization_msgs.msg import MarkerArray

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.feetech.emulator import SWITCH_INTERVAL_S, Emulator
from so_arm.hardware.feetech.led_arm import LedArm
from so_arm.hardware.feetech.preset import servos_of
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.markers import objects_of
from so_arm.nodes.messages import JointStateReader
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run
from so_arm.sim.expert_pilot import ExpertPilot
from so_arm.sim.tasks import TASKS

#: At the end: a bus that is quiet for so long is left by its driver, and how long that is waited for.
QUIET_S, PATIENCE_S = 0.3, 3.0


@dataclass(frozen=True)
class Settings:
    port: str = parameter("", "Where the serial port of the leader's servos appears; empty: in a new folder.")
    calibration_file: str = parameter("", "How the leader is assembled and set up; empty: the example.")
    task: str = parameter("pick_place", "Task that the hand knows.", choices=tuple(sorted(TASKS)))


class LeaderEmulator(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("leader_emulator", Settings)
        self._emulator: Emulator | None = None

    def setup(self) -> None:
        settings = self.settings
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        file = settings.calibration_file or share_dir() / "calibration" / "example_leader.json"
        calibration = read_calibration(Path(file))
        rest = np.array(REST_POSE)
        self._arm = LedArm(calibration, rest)
        self._pilot = ExpertPilot(settings.task)
        self._reader = JointStateReader("joint state")
        self._position: np.ndarray | None = None  # of the follower
        self._velocity = np.zeros(len(rest))
        self._begun = False
        port = Path(settings.port).expanduser() if settings.port else None
        self._emulator = Emulator(servos_of(calibration, rest), self._arm, port).start()
        self._arm.hand = np.array(HOME_POSE)
        self._episodes = EpisodeListener(self, self._on_episode)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.CONTROL)
        self.create_subscription(MarkerArray, "sim/objects", self._on_scene, qos.CONTROL)
        self.get_logger().info(f"ready: {self._emulator.path}")

    def close(self) -> None:
        if self._emulator is not None:
            _outlast_driver(self._emulator)
            self._emulator.stop()

    def check_health(self) -> tuple[bytes, str]:
        assert self._emulator is not None
        self.counts.update(Counter(dict(self._emulator.counts)) - self.counts)
        self.readings["port"] = str(self._emulator.path)
        return super().check_health()

    def _on_episode(self, info: EpisodeInfo) -> None:
        self._begun = False
        if not info.running:
            self._arm.hand = np.array(HOME_POSE)

    def _on_state(self, message: JointState) -> None:
        try:
            self._position, self._velocity = self._reader.position(message), self._reader.velocity(message)
        except UserError as error:
            self.problem(str(error))

    def _on_scene(self, scene: MarkerArray) -> None:
        """Every control tick."""
        if not self._episodes.info.running or self._position is None:
            return
        if not self._begun:
            self._begun = True
            self._pilot.begin(self._position)
        try:
            self._arm.hand = self._pilot.act(self._position, self._velocity, objects_of(scene))
        except UserError as error:
            self.fail(error)


def _outlast_driver(emulator: Emulator) -> None:
    """A driver that ends together with us switches torque off first, as it does at an arm that is there."""
    deadline, heard = time.monotonic() + PATIENCE_S, -1
    while heard != emulator.counts["requests"] and time.monotonic() < deadline:
        heard = emulator.counts["requests"]
        time.sleep(QUIET_S)


def main() -> None:
    run(LeaderEmulator)


if __name__ == "__main__":
    main()
