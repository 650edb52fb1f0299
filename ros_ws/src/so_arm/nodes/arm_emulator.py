"""arm_emulator: the arm that is not there. Its servos on a serial port, its cameras as streams, and the episodes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sensor_msgs.msg import JointState

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.clock import date_ns
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.hardware.fault_desk import FaultDesk, read_faults
from so_arm.hardware.feetech.emulator import SWITCH_INTERVAL_S, Emulator
from so_arm.hardware.feetech.preset import servos_of
from so_arm.hardware.stream_process import StreamProcess
from so_arm.nodes import qos
from so_arm.nodes.messages import stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import ERROR, RuntimeNode, run
from so_arm.nodes.services import create_triggers
from so_arm.nodes.world_topics import WorldTopics
from so_arm.rewards.registry import DEFAULT_REWARD
from so_arm.sim.camera_sources import camera_sources
from so_arm.sim.live_episodes import LiveEpisodes
from so_arm.sim.live_world import LiveWorld
from so_arm.sim.rendering import POLICY_IMAGE_SIZE
from so_arm.sim.start import REST_RAD
from so_arm.sim.tasks import TASKS

#: Episodes go on while listeners are waited for, so the wait must cost little of one.
_PATIENCE_S = 0.3


@dataclass(frozen=True)
class Settings:
    port: str = parameter("", "Where the serial port of the servos appears; empty: in a new folder.")
    calibration_file: str = parameter("", "How the arm is assembled and its servos are set up; empty: the example.")
    task: str = parameter("pick_place", "Task to simulate.", choices=tuple(sorted(TASKS)))
    reward: str = parameter(DEFAULT_REWARD, "Reward summed up in /episode/info: v1, v2, v3, stable or file:PATH.")
    randomisation: str = parameter("none", "Domain randomisation; here there is none.", choices=("none",))
    seed: int = parameter(
        0, "Seed of the next episode; each start takes the next one.", low=0, high=2**31 - 1, changeable=True
    )
    horizon: int = parameter(
        0, "Control ticks after which an episode has failed; 0: the task's own.", low=0, high=100_000
    )
    lockstep: bool = parameter(False, "Not here: servos and cameras work in real time.")
    use_cameras: bool = parameter(True, "Serve the cameras' streams.")
    streams_port: int = parameter(0, "TCP port of the camera streams; 0: a free one.", low=0, high=65535)
    image_height: int = parameter(POLICY_IMAGE_SIZE[0], "Image height [px].", low=16, high=1080)
    image_width: int = parameter(POLICY_IMAGE_SIZE[1], "Image width [px].", low=16, high=1920)
    camera_fps: float = parameter(30.0, "Pictures per second.", low=1.0, high=120.0)
    record_dir: str = parameter("", "Folder for one record (.npz) per finished episode; empty: none.")
    fault_script: str = parameter("", "File of faults with their times, one per line; empty: none.")
    inject: str = parameter("", "Set it to start a fault now, like 'silent servo=3 for=2'.", changeable=True)


class ArmEmulator(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("arm_emulator", Settings)
        self._running = ExitStack()
        self._streams: StreamProcess | None = None
        self._faults: FaultDesk | None = None
        self._episodes: LiveEpisodes | None = None

    def setup(self) -> None:
        settings = self.settings
        if settings.lockstep:
            raise UserError("lockstep:=true: emulated servos and cameras work in real time; use hardware_type:=mujoco")
        self.refuse_other_publishers("sim/objects", "episode/info")
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        script = Path(settings.fault_script).expanduser() if settings.fault_script else None
        bus_faults, camera_faults = read_faults(script) if script is not None else ([], [])
        if camera_faults and not settings.use_cameras:
            raise UserError(f"{script} has faults of cameras, but there are none (use_cameras:=false)")
        file = settings.calibration_file or share_dir() / "calibration" / "example_follower.json"
        calibration = read_calibration(Path(file))
        world = LiveWorld(calibration, settings.task, settings.reward, settings.horizon or None)
        port = Path(settings.port).expanduser() if settings.port else None
        self._emulator = Emulator(servos_of(calibration, REST_RAD), world, port, script=bus_faults)
        world.clock = self._emulator.date_ns
        self._running.enter_context(self._emulator)
        self._streams = self._start_streams(world) if settings.use_cameras else None
        self._open_episodes(world)
        self._faults = FaultDesk(self._emulator, self._streams)
        for fault in camera_faults:
            assert self._streams is not None
            self._streams.inject(fault)
        self.create_subscription(JointState, "follower/joint_commands", self._on_command, qos.CONTROL)
        self.get_logger().info(f"ready: {self._emulator.path}, {', '.join(self._urls()) or 'no cameras'}")

    def _start_streams(self, world: LiveWorld) -> StreamProcess:
        settings = self.settings
        size = settings.image_height, settings.image_width
        sources = partial(camera_sources, world.board, settings.task, size)
        return self._running.enter_context(StreamProcess(sources, settings.camera_fps, settings.streams_port))

    def _open_episodes(self, world: LiveWorld) -> None:
        settings = self.settings
        record_dir = Path(settings.record_dir).expanduser() if settings.record_dir else None
        self._episodes = LiveEpisodes(world, WorldTopics(self, _PATIENCE_S), settings.seed, record_dir, self.fail)
        self._episodes.open()
        self._running.callback(self._episodes.close)
        episodes = self._episodes
        create_triggers(
            self,
            start=episodes.start,
            stop=episodes.stop,
            discard=episodes.discard,
            succeed=episodes.succeed,
            fail=episodes.fail,
            reset_world=episodes.reset_world,
        )

    def close(self) -> None:
        self._running.close()

    def settings_changed(self, settings: Settings, given: Collection[str]) -> None:
        # Also when they are the values of before: the episodes have gone on, and a fault may be wanted again.
        if "seed" in given and self._episodes is not None:
            self._episodes.keeper.next_seed = settings.seed
        if "inject" in given and self._faults is not None:
            self.get_logger().warning(self._faults.order(settings.inject))

    def check_health(self) -> tuple[bytes, str]:
        self.counts.update(Counter(dict(self._emulator.counts)) - self.counts)
        self.readings["port"] = str(self._emulator.path)
        self.readings["streams"] = " ".join(self._urls())
        if self._streams is not None and self._streams.failure is not None:
            self.fail(UserError(f"the camera streams ended: {self._streams.failure}"))
            return ERROR, self._streams.failure
        return super().check_health()

    def _urls(self) -> list[str]:
        return list(self._streams.urls.values()) if self._streams is not None else []

    def _on_command(self, message: JointState) -> None:
        # For the record only: the servos get what the driver sends them.
        assert self._episodes is not None
        self._episodes.answered(date_ns() - stamp_ns(message.header.stamp))


def main() -> None:
    run(ArmEmulator)


if __name__ == "__main__":
    main()
