import numpy as np

from so_arm.sim.batch_env import BatchEnv
from so_arm.sim.env import HOME_RAD, SoArmEnv


def test_batch_equals_single_environments():
    batch = BatchEnv(SoArmEnv, 3)
    actions = HOME_RAD + np.random.default_rng(0).uniform(-0.3, 0.3, (20, 3, 6))
    start = batch.reset([4, 5, 6])
    results = [batch.step(action) for action in actions]
    for i, seed in enumerate((4, 5, 6)):
        env = SoArmEnv()
        observation, _ = env.reset(seed=seed)
        assert np.array_equal(observation["objects"], start["objects"][i])
        for action, result in zip(actions, results, strict=True):
            observation, reward, *_ = env.step(action[i])
            assert reward == result.reward[i]
            for key, value in observation.items():
                assert np.array_equal(value, result.observation[key][i])
    batch.close()


def test_ended_episode_starts_anew_and_hands_out_its_last_observation():
    batch = BatchEnv(lambda: SoArmEnv(task="reach", horizon=3), 2)
    batch.reset([0, 1])
    for _ in range(3):
        result = batch.step(np.tile(HOME_RAD, (2, 1)))
    assert result.truncated.all()
    assert [env.tick for env in batch.envs] == [0, 0]
    assert not np.array_equal(result.info[0]["final_observation"]["objects"], result.observation["objects"][0])
    batch.close()
