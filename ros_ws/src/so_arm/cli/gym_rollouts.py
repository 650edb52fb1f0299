"""Episodes through Gymnasium: no ROS, one or several processes, the same results either way."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from so_arm.cli.policy_images import image_size
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult

if TYPE_CHECKING:
    from so_arm.learning.controller import PolicyController
    from so_arm.learning.policy import LoadedPolicy
    from so_arm.sim.env import SoArmEnv


def default_workers() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


def env_and_policy(wanted: Rollouts) -> tuple[SoArmEnv, LoadedPolicy]:
    """The environment, with cameras as the policy wants them, and the policy; UserError where they do not fit."""
    from so_arm.core.clock import CONTROL_HZ
    from so_arm.learning.policy import load_policy
    from so_arm.learning.policy_fit import check_fit
    from so_arm.sim.env import SoArmEnv
    from so_arm.sim.rendering import CAMERAS

    env = SoArmEnv(wanted.task, wanted.reward, wanted.randomisation, image_size=image_size(wanted.policy))
    policy = load_policy(wanted.policy, threads=1)  # more threads would change the last bits
    check_fit(wanted.policy, policy, CONTROL_HZ, CAMERAS)
    return env, policy


@dataclass(frozen=True)
class GymSetup:
    """Builds environment and controller; picklable, so that every worker process can build its own."""

    rollouts: Rollouts

    def __call__(self) -> tuple[SoArmEnv, PolicyController]:
        from so_arm.core.chunk_settings import ChunkSettings
        from so_arm.core.clock import CONTROL_HZ
        from so_arm.learning.controller import PolicyController
        from so_arm.learning.residual.corrector import Residual

        wanted = self.rollouts
        env, policy = env_and_policy(wanted)
        timeline = ChunkSettings.of_policy(wanted.policy).timeline(CONTROL_HZ)
        return env, PolicyController(policy, timeline, Residual.load(wanted.residual, wanted.policy, wanted.task))


def run_gym(rollouts: Rollouts, workers: int, on_episode: Callable[[EpisodeResult], None]) -> list[EpisodeResult]:
    """Results in the order of the seeds; `on_episode` hears of each as it ends."""
    from so_arm.learning.evaluation import evaluate
    from so_arm.learning.parallel_evaluation import evaluate_in_processes

    setup = GymSetup(rollouts)
    if workers > 1 and rollouts.episodes > 1:
        return evaluate_in_processes(setup, rollouts.seeds, workers, on_episode)
    env, controller = setup()
    return evaluate(env, controller, rollouts.seeds, on_episode)
