"""One suite over every registered task."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from so_arm.core.errors import UserError
from so_arm.rewards.terms import TARGET_RADIUS_M
from so_arm.sim.arm import load_model
from so_arm.sim.env import HOME_RAD, SoArmEnv
from so_arm.sim.expert import make_expert
from so_arm.sim.randomisation import LEVELS
from so_arm.sim.tasks import TASKS, task_class

every_task = pytest.mark.parametrize("task", sorted(TASKS))
every_level = pytest.mark.parametrize("level", sorted(LEVELS))


def _rollout(env, seed, ticks=40):
    observation, _ = env.reset(seed=seed)
    rng = np.random.default_rng(0)
    trace = []
    for _ in range(ticks):
        observation, reward, *_ = env.step(HOME_RAD + rng.uniform(-0.2, 0.2, 6))
        trace.append(np.concatenate([*(np.ravel(value) for value in observation.values()), [reward]]))
    return np.array(trace)


@every_task
def test_env_checker_is_clean(task, recwarn):
    check_env(SoArmEnv(task=task), skip_render_check=True)
    # Actions are joint angles on purpose; the checker would rather have them in [-1, 1].
    warnings = [str(w.message) for w in recwarn if "symmetric and normalized space" not in str(w.message)]
    assert warnings == []


@every_task
@every_level
def test_observation_matches_its_space_and_is_finite(task, level):
    env = SoArmEnv(task=task, randomisation=level)
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    trace = _rollout(env, 3)
    assert np.isfinite(trace).all()


@every_task
@every_level
def test_same_seed_same_trajectory(task, level):
    env = SoArmEnv(task=task, randomisation=level)
    first = _rollout(env, 5)
    _rollout(env, 6)
    assert np.array_equal(first, _rollout(env, 5))
    assert np.array_equal(first, _rollout(SoArmEnv(task=task, randomisation=level), 5))
    assert not np.array_equal(first, _rollout(env, 6))


@every_task
@every_level
def test_expert_succeeds(task, level):
    env = SoArmEnv(task=task, randomisation=level)
    outcomes = []
    for seed in range(10):
        env.reset(seed=seed)
        expert, done = make_expert(env), False
        while not done:
            _, _, terminated, truncated, info = env.step(expert.act())
            done = terminated or truncated
        outcomes.append(info["success"])
    assert sum(outcomes) >= 9


@every_task
def test_doing_nothing_fails_with_a_reason(task):
    env = SoArmEnv(task=task, horizon=30)
    env.reset(seed=0)
    truncated = False
    while not truncated:
        _, _, terminated, truncated, info = env.step(env.command)
        assert not terminated
    assert info["failure"] == "no_approach"


@pytest.mark.parametrize("name", ["Reach", "PickPlace"])
def test_registered_with_gymnasium(name):
    import so_arm.sim  # noqa: F401

    env = gym.make(f"SoArm/{name}-v0")
    env.reset(seed=0)
    env.step(np.asarray(HOME_RAD))


def test_unknown_task_and_randomisation_name_the_choices():
    with pytest.raises(UserError, match="choose one of: pick_place, reach"):
        task_class("stack")
    with pytest.raises(UserError, match="choose one of: full, light, none"):
        SoArmEnv(randomisation="heavy")


def test_nan_action_holds_the_arm():
    env = SoArmEnv()
    env.reset(seed=0)
    before = env.command.copy()
    _, _, _, _, info = env.step(np.full(6, np.nan))
    assert np.array_equal(env.command, before)
    assert info["refused"]


def test_cube_and_target_fill_the_work_area():
    env = SoArmEnv()
    objects = np.array([env.reset(seed=seed)[0]["objects"] for seed in range(300)])
    cube, target = objects[:, :2], objects[:, 7:9]
    for places in (cube, target):
        assert (places.min(axis=0) >= [0.14, -0.10]).all() and (places.max(axis=0) <= [0.29, 0.10]).all()
        assert (np.ptp(places, axis=0) > [0.14, 0.19]).all()
    assert np.linalg.norm(cube - target, axis=1).min() >= 0.07


def test_the_target_is_drawn_as_large_as_it_counts():
    assert load_model("pick_place").geom("target").size[0] == TARGET_RADIUS_M
