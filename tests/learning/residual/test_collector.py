"""Episodes side by side: what is recorded, who drives, and that nothing of earlier ones is left."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_base import FEATURES, BiasedBase, make_workplace, small_settings  # noqa: E402

from so_arm.core.chunk import ChunkTimeline  # noqa: E402
from so_arm.core.clock import CONTROL_PERIOD_S  # noqa: E402
from so_arm.learning.residual.collector import Collector  # noqa: E402
from so_arm.learning.residual.episodes import Episode, Kind, Order  # noqa: E402
from so_arm.learning.residual.trainer import ResidualTrainer  # noqa: E402

pytestmark = pytest.mark.torch
SETTINGS = small_settings(exploration_noise=0.5)
BOUND = np.array(SETTINGS.bound)


def _episodes(order: Order, **changes: object) -> list[Episode]:
    return Collector(make_workplace(horizon=30), dataclasses.replace(SETTINGS, **changes))(order)


def _bytes(episode: Episode) -> dict[str, bytes]:
    values = dataclasses.asdict(episode)
    return {name: value.tobytes() for name, value in values.items() if isinstance(value, np.ndarray)}


def _shares(episode: Episode, scale: float = 1.0) -> np.ma.MaskedArray:
    """Corrections (T, 6) in shares of the bound; masked where a joint limit clips them."""
    shares = (episode.action - episode.body[:-1, 12:18]) / (BOUND * scale)
    return np.ma.masked_where(np.abs(episode.action) > 0.999, shares)


def test_what_an_episode_is_made_of() -> None:
    episode = _episodes(Order([3], Kind.evaluation))[0]
    assert episode.steps == 30 and not episode.terminated and episode.failure is not None
    assert len(episode.body) == len(episode.privileged) == len(episode.frame) == 31
    assert episode.frame.tolist() == [0] * 20 + [1] * 11  # the base planned twice
    assert episode.features.shape == (2, FEATURES) and episode.places.shape == episode.estimated.shape == (2, 6)
    np.testing.assert_allclose(episode.places[:, 3:], episode.features[:, 6:], atol=1e-3)
    np.testing.assert_allclose(episode.privileged[[0, 20], :3], episode.places[:, :3])
    assert np.array_equal(episode.action, episode.body[:-1, 12:18])  # nothing corrects


def test_the_same_order_gives_the_same_episodes_whatever_came_before() -> None:
    order = Order([5, 6], Kind.exploration, *ResidualTrainer(SETTINGS, FEATURES).weights())
    collect = Collector(make_workplace(horizon=30), SETTINGS)
    first = collect(order)
    collect(Order([9, 10, 11], Kind.disturbed))
    again = collect(order)
    assert [episode.seed for episode in first] == [5, 6]
    assert [_bytes(episode) for episode in first] == [_bytes(episode) for episode in again]
    assert _bytes(first[0]) != _bytes(first[1])


@pytest.mark.parametrize("kind", [Kind.demonstration, Kind.disturbed, Kind.exploration])
def test_nobody_leaves_the_bound(kind: Kind) -> None:
    for scale in (1.0, 0.4):
        order = Order(list(range(6)), kind, *ResidualTrainer(SETTINGS, FEATURES).weights(), scale)
        shares = np.ma.concatenate([_shares(episode, scale) for episode in _episodes(order)])
        assert 0.4 < np.abs(shares).max() <= 1.0 + 1e-4


def test_a_disturbance_is_held() -> None:
    """So that the arm really leaves its way."""
    shares = np.ma.concatenate([_shares(episode) for episode in _episodes(Order(list(range(8)), Kind.disturbed))])
    held = shares.reshape(-1, 6, 6)
    assert (held.max(axis=1) - held.min(axis=1)).max() < 1e-4
    largest = np.abs(held).max(axis=(1, 2))
    assert (largest < 1e-4).any() and (largest > 0.4).any()


def test_an_expert_takes_the_arm_nearer_to_the_target() -> None:
    def missed(kind: Kind) -> float:
        lasts = [episode.privileged[-1] for episode in _episodes(Order([1, 2, 3], kind))]
        return float(np.mean([np.linalg.norm(last[:3] - last[3:6]) for last in lasts]))

    assert missed(Kind.demonstration) < 0.5 * missed(Kind.evaluation)


def test_late_chunks_and_plans_that_run_out() -> None:
    """Chunks of 10 that come up to 8 ticks late: now and then the arm has to hold, also at the very end."""
    place = dataclasses.replace(
        make_workplace(horizon=30),
        make_timeline=lambda: ChunkTimeline(round(CONTROL_PERIOD_S * 1e9), 10, 0.3),
        policy=BiasedBase(),
    )
    episodes = Collector(place, dataclasses.replace(SETTINGS, latency_ticks=8))(Order(list(range(12)), Kind.disturbed))
    assert len({episode.steps for episode in episodes}) > 3 and min(episode.steps for episode in episodes) < 25
    for episode in episodes:
        assert len(episode.body) == episode.steps + 1 == len(episode.frame)
        assert episode.frame.max() < len(episode.features) and (np.diff(episode.frame) >= 0).all()
        assert np.isfinite(episode.body).all() and np.isfinite(episode.reward).all()
