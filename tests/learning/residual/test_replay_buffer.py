"""Experience in flat arrays: n-step returns by hand, and no row that mixes episodes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_experience import FEATURES, make_episode  # noqa: E402

from so_arm.learning.residual.estimator import Estimator, Frames  # noqa: E402
from so_arm.learning.residual.replay_buffer import ReplayBuffer, joined, n_step  # noqa: E402

pytestmark = pytest.mark.torch
REWARD = np.array([1.0, 2.0, 4.0, 8.0], np.float32)


def test_n_step_returns_of_an_episode_cut_off_by_its_time_limit() -> None:
    returns, discount, ahead = n_step(REWARD, False, 3, 0.5)
    assert returns.tolist() == [1 + 1 + 1, 2 + 2 + 2, 4 + 4, 8]
    assert discount.tolist() == [0.125, 0.125, 0.25, 0.5]
    assert ahead.tolist() == [3, 3, 2, 1]


def test_nothing_comes_after_the_end_of_a_terminated_episode() -> None:
    returns, discount, ahead = n_step(REWARD, True, 3, 0.5)
    assert returns.tolist() == [3, 6, 8, 8]
    assert discount.tolist() == [0.125, 0.0, 0.0, 0.0]
    assert ahead.tolist() == [3, 3, 2, 1]


@pytest.mark.parametrize("terminated", [True, False])
def test_more_steps_than_the_episode_has(terminated: bool) -> None:
    returns, discount, ahead = n_step(REWARD[:2], terminated, 5, 0.5)
    assert returns.tolist() == [2, 2] and ahead.tolist() == [2, 1]
    assert discount.tolist() == ([0, 0] if terminated else [0.25, 0.5])


def test_one_step_is_the_reward_itself() -> None:
    returns, discount, ahead = n_step(REWARD, True, 1, 0.5)
    assert returns.tolist() == REWARD.tolist() and ahead.tolist() == [1, 1, 1, 1]
    assert discount.tolist() == [0.5, 0.5, 0.5, 0.0]


def _filled(episodes: int, ticks: int = 23) -> tuple[ReplayBuffer, Frames]:
    frames = Frames(FEATURES)
    buffer = ReplayBuffer(frames, 5, 0.9)
    for seed in range(1, episodes + 1):
        buffer.add(make_episode(seed, ticks + seed % 3, terminated=seed % 2 == 0))
    return buffer, frames


def test_no_row_mixes_episodes_while_the_arrays_grow() -> None:
    """4,800 rows: the arrays had to grow in between."""
    buffer, _ = _filled(200)
    assert buffer.ticks == sum(23 + seed % 3 for seed in range(1, 201)) and buffer.rows == buffer.ticks + 200
    batch = buffer.sample(5000, np.random.default_rng(0))
    seed, tick = batch.seen.body[:, 0], batch.seen.body[:, 1]
    assert torch.equal(batch.later.body[:, 0], seed)
    assert torch.equal(batch.seen.places[:, 0], -seed) and torch.equal(batch.later.places[:, 0], -seed)
    ticks = 23 + seed % 3
    assert torch.equal(batch.later.body[:, 1], torch.minimum(tick + 5, ticks))
    assert tick.max() == 24 and (tick < ticks).all()
    ended = (seed % 2 == 0) & (tick + 5 >= ticks)
    assert torch.equal(batch.discount == 0.0, ended)
    for row in (0, 1, 2):
        episode = make_episode(int(seed[row]), int(ticks[row]), terminated=bool(seed[row] % 2 == 0))
        assert np.array_equal(batch.action[row], episode.action[int(tick[row])])
        wanted = n_step(episode.reward, episode.terminated, 5, 0.9)[0][int(tick[row])]
        assert batch.returns[row].item() == wanted


def test_all_ticks_are_as_likely() -> None:
    buffer, _ = _filled(4)
    counts = np.bincount(buffer.sample(20_000, np.random.default_rng(0)).seen.body[:, 1].int().numpy())
    assert counts[:23].min() > 0.8 * counts[:23].max()


def test_what_was_saved_goes_on_as_if_nothing_had_been() -> None:
    buffer, frames = _filled(3)
    other_frames = Frames(FEATURES)
    other = ReplayBuffer(other_frames, 5, 0.9)
    other_frames.restore({name: array.copy() for name, array in frames.saved().items()})
    other.restore({name: array.copy() for name, array in buffer.saved().items()})
    for store in (buffer, other):
        store.add(make_episode(9, 30))
    for mine, others in ((buffer, other), (frames, other_frames)):
        assert {k: v.tobytes() for k, v in mine.saved().items()} == {k: v.tobytes() for k, v in others.saved().items()}
    first, second = (store.sample(50, np.random.default_rng(1)) for store in (buffer, other))
    assert torch.equal(first.seen.body, second.seen.body) and torch.equal(first.later.places, second.later.places)


def test_new_estimates_reach_what_is_stored() -> None:
    buffer, frames = _filled(3)
    estimator = Estimator(FEATURES)
    frames.estimate(estimator)
    batch = buffer.sample(20, np.random.default_rng(0))
    wanted = estimator.places(np.repeat(batch.seen.body[:, :1].numpy(), FEATURES, axis=1))
    np.testing.assert_allclose(batch.seen.places, wanted, atol=1e-6)


def test_demonstrations_come_first_in_a_joined_batch() -> None:
    (demos, _), (online, _) = _filled(1), _filled(2)
    rng = np.random.default_rng(0)
    first, second = demos.sample(3, rng), online.sample(5, rng)
    batch = joined(first, second)
    assert batch.demos == 3 and len(batch.action) == len(batch.later.places) == 8
    assert torch.equal(batch.action[:3], first.action) and torch.equal(batch.seen.body[3:], second.seen.body)
