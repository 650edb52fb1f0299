"""Episodes through Gymnasium: no ROS, one or several processes, the same results either way."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from so_arm.cli.policy_images import image_size
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from so_arm.learning.controller import PolicyController
    from so_arm.sim.env import SoArmEnv


def default_workers() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class GymSetup:
    """Builds environment and controller; picklable, so that every worker process can build its own."""

    rollouts: Rollouts

    def __call__(self) -> tuple[SoArmEnv, PolicyController]:
        from so_arm.core.chunk_settings import ChunkSettings
        from so_arm.core.clock import CONTROL_HZ
        from so_arm.learning.act.policy import ActPolicy
        from so_arm.learning.controller import PolicyController
        from so_arm.learning.residual.corrector import Residual
        from so_arm.sim.env import SoArmEnv

        wanted = self.rollouts
        env = SoArmEnv(wanted.task, wanted.reward, wanted.randomisation, image_size=image_size(wanted.policy))
        policy = ActPolicy.load(wanted.policy, threads=1)  # more threads would change the last bits
        _check_fit(wanted.policy, policy.fps, policy.camera_names)
        timeline = ChunkSettings.of_policy(wanted.policy).timeline(CONTROL_HZ)
        return env, PolicyController(policy, timeline, Residual.load(wanted.residual))


def _check_fit(folder: Path, fps: int, cameras: Sequence[str]) -> None:
    """UserError for a policy of another control rate, or one that wants a camera which the simulation lacks."""
    from so_arm.core.clock import CONTROL_HZ
    from so_arm.sim.rendering import CAMERAS

    if fps != CONTROL_HZ:
        raise UserError(f"--policy {folder} acts at {fps} Hz; the tasks run at {CONTROL_HZ} Hz")
    for name in cameras:
        if name not in CAMERAS:
            raise UserError(
                f"--policy {folder}: feature observation.images.{name} has no camera; cameras are {', '.join(CAMERAS)}"
            )


def run_gym(rollouts: Rollouts, workers: int, on_episode: Callable[[EpisodeResult], None]) -> list[EpisodeResult]:
    """Results in the order of the seeds; `on_episode` hears of each as it ends."""
    from so_arm.learning.evaluation import evaluate
    from so_arm.learning.parallel_evaluation import evaluate_in_processes

    setup = GymSetup(rollouts)
    if workers > 1 and rollouts.episodes > 1:
        return evaluate_in_processes(setup, rollouts.seeds, workers, on_episode)
    env, controller = setup()
    return evaluate(lambda: env, controller, rollouts.seeds, on_episode)
