import math
from pathlib import Path

import pytest

from so_arm.cli.object_starts import object_poses, object_starts
from so_arm.cli.rollouts import Rollouts
from so_arm.sim.env import SoArmEnv


def rollouts(task: str) -> Rollouts:
    return Rollouts(Path(), None, task, "v3", "none", 7, 3)


def test_place_and_turn_are_those_of_the_scene():
    poses = object_poses(rollouts("pick_place"))
    env = SoArmEnv()
    for seed in (7, 8, 9):
        env.reset(seed=seed)
        cube = env.arm.data.body("cube")
        assert poses[seed][:2] == pytest.approx(tuple(cube.xpos[:2]))
        assert poses[seed].yaw_rad == pytest.approx(math.atan2(cube.xmat[3], cube.xmat[0]), abs=1e-6)
    assert object_starts(rollouts("pick_place")) == {seed: pose[:2] for seed, pose in poses.items()}


def test_a_point_has_no_turn():
    assert object_poses(rollouts("reach"))[7].yaw_rad is None
