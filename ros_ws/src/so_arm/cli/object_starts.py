"""Where the object of a task (the target, where there is none) lies when episodes start, from the seeds alone."""

from __future__ import annotations

from so_arm.cli.rollouts import Rollouts


def object_starts(rollouts: Rollouts) -> dict[int, tuple[float, float]]:
    """Seed to (x, y) [m] in `base_link`."""
    from so_arm.sim.env import SoArmEnv

    env = SoArmEnv(rollouts.task, randomisation=rollouts.randomisation)
    starts = {}
    for seed in rollouts.seeds:
        observation, _ = env.reset(seed=seed)
        x, y = observation["objects"][:2].tolist()  # the first thing in it is what the task is about
        starts[seed] = (x, y)
    env.close()
    return starts
