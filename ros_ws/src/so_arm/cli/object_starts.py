"""Where the object of a task (the target, where there is none) lies when episodes start, from the seeds alone."""

from __future__ import annotations

import math

import numpy as np

from so_arm.cli.rollouts import Rollouts
from so_arm.core.object_start import ObjectStart

#: Position, quaternion (w, x, y, z) and the target's position; a task without an object has the last alone.
_OBJECT_AND_TARGET = 10


def object_starts(rollouts: Rollouts) -> dict[int, tuple[float, float]]:
    """Seed to (x, y) [m] in `base_link`."""
    return {seed: (start.x_m, start.y_m) for seed, start in object_poses(rollouts).items()}


def object_poses(rollouts: Rollouts) -> dict[int, ObjectStart]:
    """By seed."""
    from so_arm.sim.env import SoArmEnv

    env = SoArmEnv(rollouts.task, randomisation=rollouts.randomisation)
    starts = {}
    for seed in rollouts.seeds:
        observation, _ = env.reset(seed=seed)
        starts[seed] = _start(observation["objects"])
    env.close()
    return starts


def _start(objects: np.ndarray) -> ObjectStart:
    x, y = objects[:2].tolist()  # the first thing in it is what the task is about
    if len(objects) < _OBJECT_AND_TARGET:
        return ObjectStart(x, y, None)
    w, qx, qy, qz = objects[3:7].tolist()
    return ObjectStart(x, y, math.atan2(2 * (w * qz + qx * qy), 1 - 2 * (qy * qy + qz * qz)))
