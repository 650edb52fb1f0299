"""What is to be recorded: everything that can be checked is checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from so_arm.cli.arm_choice import ArmChoice
from so_arm.cli.output import check_folder
from so_arm.core.errors import UserError
from so_arm.core.paths import from_here

CONTROL_HZ = 30
#: A person gets so long for an episode [s]; episodes that run by themselves end as the task says.
PERSONS_TIME_S = 60.0
#: And so long between two episodes [s], unless they say that they are ready.
PERSONS_REST_S = 5.0
CAMERAS = ("static", "wrist")


class Teleop(StrEnum):
    none = "none"
    leader = "leader"
    keyboard = "keyboard"
    gamepad = "gamepad"
    expert = "expert"


class RecordHardware(StrEnum):
    mujoco = "mujoco"
    emulated = "emulated"
    real = "real"


@dataclass(frozen=True)
class RecordingPlan:
    """The options of `so-arm record`. image_size: (width, height) [px] of simulated cameras; None: the policy's own.

    time_limit_s, rest_s, seed: None for what suits the rest.
    """

    hardware: RecordHardware
    teleop: Teleop
    policy: Path | None
    output: Path
    resume: bool
    episodes: int
    task: str
    instruction: str
    fps: int
    rest_s: float | None
    time_limit_s: float | None
    seed: int | None
    reward: str
    image_size: tuple[int, int] | None
    cameras: bool
    cameras_file: Path | None
    device: str
    follower: ArmChoice
    leader: ArmChoice

    @property
    def simulated(self) -> bool:
        return self.hardware is not RecordHardware.real

    @property
    def emulated_leader(self) -> bool:
        return self.simulated and self.teleop is Teleop.leader and not self.leader.port

    @property
    def automatic(self) -> bool:
        """Nobody has to be there: episodes begin by themselves."""
        by_itself = self.teleop in (Teleop.expert, Teleop.none) or self.emulated_leader
        return self.simulated and by_itself

    @property
    def image_size_px(self) -> tuple[int, int]:
        """(width, height) of simulated cameras."""
        if self.image_size is not None:
            return self.image_size
        if self.policy is not None:
            from so_arm.cli.policy_images import image_size

            height, width = image_size(self.policy)
        else:
            from so_arm.sim.rendering import POLICY_IMAGE_SIZE

            height, width = POLICY_IMAGE_SIZE
        return width, height

    @property
    def words(self) -> str:
        """The task for LeRobot's `task` column."""
        from so_arm.sim.tasks import TASKS

        return self.instruction or (TASKS[self.task].instruction if self.task in TASKS else "")

    def described(self) -> dict[str, Any]:
        """For the report."""
        return {
            "hardware": self.hardware.value,
            "teleop": self.teleop.value,
            "policy": None if self.policy is None else from_here(self.policy),
            "dataset": from_here(self.output),
            "resumed": self.resume,
            "task": self.task,
            "instruction": self.words,
            "fps": self.fps,
            "episodes": self.episodes,
        }

    def check(self) -> None:
        """UserError with the first thing that cannot work."""
        self._check_source()
        self._check_unused()
        self._check_task()
        self._check_fps()
        if not self.simulated:
            self.follower.check("", "follower")
        if self.teleop is Teleop.leader and not self.emulated_leader:
            self.leader.check("leader-", "leader")
        if self.cameras_file is not None and not self.cameras_file.is_file():
            raise UserError(f"--cameras {self.cameras_file} does not exist; see launch/cameras.yaml")
        self._check_output()

    def calibration_file(self) -> str:
        """Of the follower, as an absolute path; empty with mujoco, which has none."""
        from so_arm.core.calibration_place import FOLLOWER
        from so_arm.core.paths import share_dir

        if self.hardware is RecordHardware.mujoco:
            return ""
        if self.hardware is RecordHardware.emulated and self.follower.calibration is None:
            return str(share_dir() / "calibration" / "example_follower.json")
        return str(self.follower.calibration_file(FOLLOWER).absolute())

    def _check_source(self) -> None:
        if self.teleop is Teleop.none and self.policy is None:
            raise UserError(
                "nothing would command the arm: give --teleop leader, keyboard, gamepad or expert, or --policy DIR"
            )
        if self.teleop is Teleop.expert and not self.simulated:
            raise UserError("--teleop expert: only in simulation (--hardware mujoco or emulated)")
        if self.policy is not None:
            from so_arm.cli.policy_images import image_size
            from so_arm.cli.rollouts import policy_folder

            image_size(policy_folder(self.policy))
            if not self.cameras:
                raise UserError("--no-cameras: the policy wants to see")

    def _check_unused(self) -> None:
        """An option without effect is a mistake in another one: a port, say, and no ``--hardware real``."""
        real_arm = {"--port": self.follower.port, "--robot-id": self.follower.robot_id, "--cameras": self.cameras_file}
        leader = {
            "--leader-port": self.leader.port,
            "--leader-robot-id": self.leader.robot_id,
            "--leader-calibration": self.leader.calibration,
        }
        servos = {"--calibration": self.follower.calibration}
        for needed, there, options in (
            ("--hardware real", not self.simulated, real_arm),
            ("--hardware emulated or real", self.hardware is not RecordHardware.mujoco, servos),
            ("--hardware mujoco or emulated", self.simulated, {"--image-size": self.image_size}),
            ("--teleop leader", self.teleop is Teleop.leader, leader),
            ("--leader-port", bool(self.leader.port) or not self.simulated, leader),
            ("--teleop gamepad", self.teleop is Teleop.gamepad, {"--device": self.device}),
            ("cameras, not --no-cameras", self.cameras, {"--cameras": self.cameras_file}),
        ):
            for option, given in options.items():
                if given and not there:
                    raise UserError(f"{option} has a meaning only with {needed}")

    def _check_task(self) -> None:
        from so_arm.rewards.registry import make_reward
        from so_arm.sim.tasks import task_class

        if self.simulated:
            task_class(self.task)
            make_reward(self.reward)
        elif not self.words:
            raise UserError(f"--task {self.task} is known by its name only; say it in words with --instruction TEXT")

    def _check_fps(self) -> None:
        if self.simulated and self.fps != CONTROL_HZ:
            raise UserError(f"--fps {self.fps}: the simulated arm is commanded at {CONTROL_HZ} Hz, and recorded at it")

    def _check_output(self) -> None:
        check_folder(self.output, "--output")
        filled = self.output.is_dir() and any(self.output.iterdir())
        if not self.resume:
            if filled:
                raise UserError(
                    f"--output {self.output} already holds files; choose a new folder, or add to it with --resume"
                )
            return
        if not filled:
            raise UserError(f"--resume: there is no dataset in {self.output}")
        self._check_fits()

    def _check_fits(self) -> None:
        """The dataset that is there is one that this recording can be added to."""
        from so_arm.core.folder_lock import is_being_written
        from so_arm.data.dataset_schema import (
            calibration_hash,
            cameras_of,
            check_appendable,
            load_info,
            recording_columns,
        )

        if is_being_written(self.output):
            raise UserError(f"--output {self.output} is being written by another process; wait for it, or stop it")
        width, height = self.image_size_px
        names = CAMERAS if self.cameras else ()
        there = cameras_of(load_info(self.output))
        # Real cameras tell their size when they run; the recorder compares it then.
        sizes = {name: (height, width) if self.simulated else there.get(name, (0, 0)) for name in names}
        columns = recording_columns(self.simulated)
        check_appendable(self.output, sizes, self.fps, columns, calibration_hash(self.calibration_file()))
