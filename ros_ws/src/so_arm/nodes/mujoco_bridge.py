"""mujoco_bridge: MuJoCo physics in place of the cameras and the motor driver."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sensor_msgs.msg import JointState

from so_arm.core.clock import CONTROL_HZ
from so_arm.core.errors import UserError
from so_arm.nodes import qos
from so_arm.nodes.bridge_topics import BridgeTopics
from so_arm.nodes.messages import JointStateReader, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import ERROR, RuntimeNode, run
from so_arm.nodes.services import create_switches, create_triggers
from so_arm.rewards.registry import DEFAULT_REWARD
from so_arm.sim.env import SoArmEnv
from so_arm.sim.episode_loop import EpisodeLoop
from so_arm.sim.mailbox import Command
from so_arm.sim.randomisation import LEVELS
from so_arm.sim.rendering import CAMERAS, POLICY_IMAGE_SIZE
from so_arm.sim.tasks import TASKS
from so_arm.sim.viewer import Viewer, require_display

START_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Settings:
    task: str = parameter("pick_place", "Task to simulate.", choices=tuple(sorted(TASKS)))
    reward: str = parameter(DEFAULT_REWARD, "Reward summed up in /episode/info: v1, v2, v3, stable or file:PATH.")
    randomisation: str = parameter("none", "Domain randomisation.", choices=tuple(LEVELS))
    seed: int = parameter(
        0, "Seed of the next episode; each start takes the next one.", low=0, high=2**31 - 1, changeable=True
    )
    horizon: int = parameter(
        0, "Control ticks after which an episode has failed; 0: the task's own.", low=0, high=100_000
    )
    lockstep: bool = parameter(True, "Wait for the command that answers each observation; false: real time.")
    fps: int = parameter(CONTROL_HZ, "Control rate [Hz]; the simulated arm has one.", low=CONTROL_HZ, high=CONTROL_HZ)
    use_cameras: bool = parameter(True, "Publish the cameras.")
    image_height: int = parameter(POLICY_IMAGE_SIZE[0], "Image height [px].", low=16, high=1080)
    image_width: int = parameter(POLICY_IMAGE_SIZE[1], "Image width [px].", low=16, high=1920)
    view: bool = parameter(False, "Open MuJoCo's viewer.")
    command_timeout: float = parameter(
        0.5, "Real time: commands older than this are not used [s].", low=0.01, high=10.0
    )
    record_dir: str = parameter("", "Folder for one record (.npz) per finished episode; empty: none.")


class MujocoBridge(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("mujoco_bridge", Settings)
        self._loop: EpisodeLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._simulate, name="physics", daemon=True)
        self._reader = JointStateReader("joint command")

    def setup(self) -> None:
        if self.settings.view:
            require_display()
        self.refuse_other_publishers("follower/joint_states")
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise UserError(f"the simulation did not start within {START_TIMEOUT_S:.0f} s")
        if self.failure is not None:
            raise self.failure
        self.create_subscription(JointState, "follower/joint_commands", self._on_command, qos.CONTROL)
        loop = self._running_loop()
        actions = (loop.start, loop.stop, loop.discard, loop.succeed, loop.fail, loop.reset_world)
        create_triggers(self, **{action.__name__: partial(loop.mailbox.request, action) for action in actions})
        create_switches(
            self,
            set_pause=self._in_loop(loop.set_pause),
            estop=self._in_loop(loop.estop),
            enable_torque=self._in_loop(loop.enable_torque),
        )
        self.get_logger().info(f"ready: {self.settings.task}, {'lockstep' if self.settings.lockstep else 'real time'}")

    def close(self) -> None:
        if self._loop is not None:
            self._loop.mailbox.close()
            self._thread.join(5.0)

    def settings_changed(self, settings: Settings, given: Collection[str]) -> None:
        # Also when it is the value of before: by now the loop has gone on to other seeds.
        if "seed" in given and self._loop is not None:
            self._loop.episodes.next_seed = settings.seed

    def check_health(self) -> tuple[bytes, str]:
        loop = self._running_loop()
        # A plain dict copies at once, while the physics thread goes on counting.
        self.counts.update(Counter(dict(loop.counts)) - self.counts)
        if not self.settings.lockstep:
            self.readings["command_age_s"] = f"{loop.command_age_s:.3f}"
        level, text = super().check_health()
        return (ERROR, text) if text != "ok" else (level, text)

    def _simulate(self) -> None:
        """The physics thread: whatever renders is made and used here."""
        settings, viewer, env = self.settings, None, None
        try:
            env = SoArmEnv(
                task=settings.task,
                reward=settings.reward,
                randomisation=settings.randomisation,
                image_size=(settings.image_height, settings.image_width),
                horizon=settings.horizon or None,
            )
            viewer = Viewer(env.arm) if settings.view else None
            topics = BridgeTopics(self, env, CAMERAS if settings.use_cameras else (), settings.lockstep, viewer)
            self._loop = EpisodeLoop(
                env,
                topics,
                settings.lockstep,
                settings.seed,
                command_timeout_s=settings.command_timeout,
                record_dir=Path(settings.record_dir) if settings.record_dir else None,
            )
            self._ready.set()
            self._loop.run()
        except Exception as error:
            self.fail(error)
            self._ready.set()
        finally:
            if viewer is not None:
                viewer.close()
            if env is not None:
                env.close()

    def _running_loop(self) -> EpisodeLoop:
        assert self._loop is not None
        return self._loop

    def _on_command(self, message: JointState) -> None:
        arrived_ns = time.perf_counter_ns()
        self.counts["commands"] += 1
        position = None
        try:
            position = self._reader.position(message)
        except UserError as error:
            self.problem(f"refused: {error}")
        self._running_loop().mailbox.put(Command(stamp_ns(message.header.stamp), position, arrived_ns))

    def _in_loop(self, switch: Callable[[bool], str]) -> Callable[[bool], str]:
        return lambda on: self._running_loop().mailbox.request(lambda: switch(on))


def main() -> None:
    run(MujocoBridge)


if __name__ == "__main__":
    main()
