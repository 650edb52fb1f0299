"""The expert's episodes: what is recorded is what was seen and commanded at each tick, in seed order."""

from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest

from so_arm.core.joints import GRIPPER, LOWER_RAD, UPPER_RAD
from so_arm.core.worker_pool import WorkerDied
from so_arm.sim.demonstrations import DemonstrationSettings, _disturbances, demonstrate, demonstrations
from so_arm.sim.expert import make_expert

SETTINGS = DemonstrationSettings("reach", "none", (32, 48))


def test_disturbances_are_held_and_spare_the_gripper() -> None:
    source = _disturbances(np.random.default_rng(0), 0.1)
    offsets = np.array([next(source) for _ in range(60)])
    assert (offsets[:, GRIPPER] == 0).all()
    assert len(np.unique(offsets[:, 0])) == 10
    assert 0.02 < offsets[:, :GRIPPER].std() < 0.2
    silent = _disturbances(np.random.default_rng(0), 0.0)
    assert not np.any([next(silent) for _ in range(20)])


@pytest.mark.gl
def test_each_row_is_one_tick() -> None:
    env = SETTINGS.make_env()
    episode = demonstrate(env, seed=3)
    observation, _ = env.reset(seed=3)
    expert = make_expert(env)
    assert episode.success
    for tick, action in enumerate(episode.action):
        np.testing.assert_array_equal(episode.joint_position[tick], observation["joint_position"])
        np.testing.assert_array_equal(episode.images["wrist"][tick], observation["wrist"])
        np.testing.assert_array_equal(action, np.clip(expert.act(), LOWER_RAD, UPPER_RAD))
        observation, *_ = env.step(action)
        np.testing.assert_array_equal(env.command, action)  # the recorded command is the one that took effect
    assert episode.images["static"].shape == (len(episode.action), 32, 48, 3)
    env.close()


@pytest.mark.gl
def test_workers_give_the_same_episodes_in_seed_order() -> None:
    env = SETTINGS.make_env()
    source = demonstrations(SETTINGS, iter([4, 2, 7]), workers=2)
    for seed, episode in zip([4, 2, 7], source, strict=True):
        alone = demonstrate(env, seed)
        assert episode.seed == seed
        np.testing.assert_array_equal(episode.action, alone.action)
        np.testing.assert_array_equal(episode.images["static"], alone.images["static"])
    env.close()


@pytest.mark.gl
def test_a_killed_worker_is_named_and_what_came_before_is_there() -> None:
    source = demonstrations(SETTINGS, iter(range(50)), workers=1)
    assert next(source).seed == 0
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid or 0, signal.SIGKILL)
    with pytest.raises(WorkerDied, match=r"a worker process died \(killed, out of memory"):
        list(source)
