"""The expert fed from outside does what the expert in the simulation does."""

import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.core.joints import GRIPPER, LOWER_RAD, UPPER_RAD
from so_arm.sim.env import HOME_RAD, SoArmEnv
from so_arm.sim.expert import make_expert
from so_arm.sim.expert_pilot import ExpertPilot

#: The simulation's own expert sees forces and poses as of the last physics step, 2 ms before its joint state.
TOLERANCE_RAD = 0.005


@pytest.mark.parametrize(("task", "seeds"), [("pick_place", range(8)), ("reach", range(3))])
def test_the_pilot_does_what_the_expert_does(task: str, seeds: range) -> None:
    env, pilot = SoArmEnv(task=task), ExpertPilot(task)
    outcomes = []
    for seed in seeds:
        observation, info = env.reset(seed=seed)
        expert, done = make_expert(env), False
        pilot.begin(observation["joint_position"])
        while not done:
            position, velocity, objects = (observation[key] for key in ("joint_position", "joint_velocity", "objects"))
            action = pilot.act(position, velocity, objects)
            theirs = np.clip(expert.act(), LOWER_RAD, UPPER_RAD)
            assert np.abs(action - theirs).max() < TOLERANCE_RAD, (seed, env.tick)
            observation, _, terminated, truncated, info = env.step(action)
            done = terminated or truncated
        outcomes.append(info["success"])
    assert all(outcomes)


def test_the_pilot_takes_over_wherever_the_arm_is() -> None:
    env, pilot = SoArmEnv(), ExpertPilot("pick_place")
    observation, info = env.reset(seed=1)
    away = np.array(HOME_RAD) + 0.4
    for _ in range(60):
        observation, *_ = env.step(away)
    pilot.begin(observation["joint_position"])
    first = pilot.act(*(observation[key] for key in ("joint_position", "joint_velocity", "objects")))
    assert np.abs(first - observation["joint_position"])[:GRIPPER].max() < 0.1
    done = False
    while not done:
        action = pilot.act(*(observation[key] for key in ("joint_position", "joint_velocity", "objects")))
        observation, _, terminated, truncated, info = env.step(action)
        done = terminated or truncated
    assert info["success"]


def test_objects_of_another_task_and_an_unknown_task_are_refused() -> None:
    with pytest.raises(UserError, match="choose one of: pick_place, reach"):
        ExpertPilot("stack")
    pilot = ExpertPilot("pick_place")
    pilot.begin(HOME_RAD)
    with pytest.raises(UserError, match="task pick_place: 3 values of objects, expected 10"):
        pilot.act(HOME_RAD, np.zeros(6), np.zeros(3))
