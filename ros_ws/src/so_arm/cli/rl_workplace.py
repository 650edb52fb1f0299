"""What a process needs to make episodes for residual training: simulation, expert, base policy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from so_arm.cli.rollouts import Rollouts

if TYPE_CHECKING:
    from so_arm.learning.residual.episodes import Workplace


def make_workplace(wanted: Rollouts, pace: float) -> Workplace:
    """Built in the process that uses it. pace: of the expert, see `make_expert`."""
    from so_arm.cli.gym_rollouts import env_and_policy
    from so_arm.cli.policy_images import image_size
    from so_arm.core.chunk_settings import ChunkSettings
    from so_arm.core.clock import CONTROL_HZ
    from so_arm.learning.residual.episodes import Workplace
    from so_arm.sim.env import SoArmEnv
    from so_arm.sim.expert import make_expert

    env, policy = env_and_policy(wanted)
    chunks = ChunkSettings.of_policy(wanted.policy)
    return Workplace(
        make_env=partial(
            SoArmEnv, wanted.task, wanted.reward, wanted.randomisation, image_size=image_size(wanted.policy)
        ),
        make_expert=partial(make_expert, pace=pace),
        policy=policy,
        make_timeline=partial(chunks.timeline, CONTROL_HZ),
        reward=env.judge.reward,
    )
