"""The Gymnasium environment shows and pays exactly what the collector records."""

import numpy as np
import pytest
from fake_base import make_workplace, small_settings

pytestmark = pytest.mark.torch

SEED = 7


def make_env(estimator=None, **settings):
    from so_arm.learning.residual.gym_env import ResidualEnv

    return ResidualEnv(make_workplace(horizon=30), small_settings(**settings), estimator)


def weights_of(module):
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


@pytest.mark.filterwarnings("ignore:.*Box observation space m")  # it has no natural bounds
def test_gymnasium_finds_no_fault():
    from gymnasium.utils.env_checker import check_env

    check_env(make_env(), skip_render_check=True)


@pytest.mark.parametrize("latency", [0, 3])
def test_same_as_collected(latency):
    import torch

    from so_arm.learning.residual.collector import Collector
    from so_arm.learning.residual.episodes import Kind, Order
    from so_arm.learning.residual.estimator import Estimator
    from so_arm.learning.residual.networks import Actor

    settings = small_settings(latency_ticks=latency)
    torch.manual_seed(0)
    actor = Actor(settings.hidden)
    torch.nn.init.normal_(actor.head.weight, std=0.1)  # it starts at zero
    estimator = Estimator(make_workplace().policy.feature_size)
    order = Order([SEED], Kind.evaluation, weights_of(actor), weights_of(estimator))
    (wanted,) = Collector(make_workplace(horizon=30), settings)(order)

    env = make_env(estimator, latency_ticks=latency)
    observation, _ = env.reset(seed=SEED)
    bodies, rewards, done = [observation], [], False
    while not done:
        size = wanted.body.shape[1]
        seen = torch.from_numpy(observation[None])
        with torch.inference_mode():
            correction = torch.tanh(actor.head(actor.layers(seen)))[0].numpy().astype(np.float64)
        observation, reward, terminated, truncated, info = env.step(correction)
        bodies.append(observation)
        rewards.append(reward)
        done = terminated or truncated
    np.testing.assert_array_equal(np.array(bodies)[:, :size], wanted.body)
    np.testing.assert_array_equal(np.array(rewards, np.float32), wanted.reward)
    np.testing.assert_array_equal(info["finished"].action, wanted.action)
    assert (terminated, info["is_success"]) == (wanted.terminated, wanted.success)
    assert np.abs(wanted.reward).max() > 0.0


@pytest.mark.parametrize(("seed", "first"), [(0, 1_000_000_000), (99, 1_990_000_000)])
def test_episodes_without_a_seed_are_those_of_the_run(seed, first):
    """Far from those that judge, and from those of runs with another seed."""
    env = make_env(seed=seed)
    env.reset(seed=SEED)
    env.reset()
    done = False
    while not done:
        _, _, terminated, truncated, info = env.step(np.zeros(6))
        done = terminated or truncated
    assert first <= info["finished"].seed < first + 10_000_000
