"""The expert is what the demonstrations, and so the policy, stand on."""

import pytest

from so_arm.sim.env import SoArmEnv
from so_arm.sim.expert import make_expert

SEEDS = range(200_000, 200_200)
LEAST_SHARE = 0.95


@pytest.mark.slow
def test_at_least_95_percent_of_200_seeds():
    env = SoArmEnv()
    failed = []
    for seed in SEEDS:
        env.reset(seed=seed)
        expert, done = make_expert(env), False
        while not done:
            _, _, terminated, truncated, _ = env.step(expert.act())
            done = terminated or truncated
        if not terminated:
            failed.append(seed)
    print(f"{len(SEEDS) - len(failed)} of {len(SEEDS)} seeds; failed: {failed}")
    assert len(failed) <= (1 - LEAST_SHARE) * len(SEEDS)
