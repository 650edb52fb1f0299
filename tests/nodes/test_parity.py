"""Lockstep through the node graph equals Gymnasium: same outcomes, same joint trajectories, with a residual that acts.

Two seeds here; SO_ARM_PARITY_SEEDS=20 for more.
"""

import os

import numpy as np
import pytest
from tests.learning.residual.untrained import FEATURE_SIZE, make_residual_folder

from so_arm.cli.graph_rollouts import run_graph
from so_arm.cli.gym_rollouts import GymSetup
from so_arm.cli.rollouts import Rollouts, released_policy
from so_arm.core.episode_record import EpisodeRecord, record_path
from so_arm.core.policy_tick import PolicyTick
from so_arm.learning.evaluation import run_episode
from so_arm.learning.residual.corrector import Residual

pytestmark = [pytest.mark.ros, pytest.mark.torch, pytest.mark.gl, pytest.mark.slow]

SEEDS = int(os.environ.get("SO_ARM_PARITY_SEEDS", "2"))
FIRST_SEED = 200_000


class _Trace:
    def __init__(self):
        self.joint_position = []

    def __call__(self, tick, observation, action, reward):
        self.joint_position.append(observation["joint_position"])


def _in_gym(rollouts):
    env, controller = GymSetup(rollouts)()
    for seed in rollouts.seeds:
        trace = _Trace()
        yield run_episode(env, controller, seed, trace), np.array(trace.joint_position)


def test_graph_equals_gym(tmp_path, monkeypatch, ros_domain):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros_domain))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    residual = make_residual_folder(tmp_path / "residual", seed=0)
    tick = PolicyTick(0, np.zeros(6), np.zeros((50, 6)), 0, np.zeros(FEATURE_SIZE, np.float32))
    assert np.abs(Residual.load(residual).correct(tick).residual).max() > 1e-3
    rollouts = Rollouts(released_policy(), residual, "pick_place", "v3", "none", FIRST_SEED, SEEDS).checked()
    through_graph = run_graph(rollouts, tmp_path / "log", lambda _: None, lockstep=True, record_dir=tmp_path)
    largest = 0.0
    for theirs, (ours, trace) in zip(through_graph, _in_gym(rollouts), strict=True):
        record = EpisodeRecord.load(record_path(tmp_path, ours.seed))
        assert (theirs.seed, theirs.success, theirs.steps, theirs.failure) == (
            ours.seed,
            ours.success,
            ours.steps,
            ours.failure,
        )
        assert theirs.reward == pytest.approx(ours.reward, abs=1e-6)
        assert record.joint_position.shape == trace.shape
        largest = max(largest, float(np.abs(record.joint_position - trace).max()))
    print(f"{SEEDS} seeds: same outcomes, joint trajectories differ by at most {largest:.3g} rad")
    assert largest <= 1e-6
