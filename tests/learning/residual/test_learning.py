"""The algorithm learns: on `reach`, with a base that is off by a constant, it takes away at least 80 % of the error."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_base import FEATURES, make_workplace, small_settings  # noqa: E402

from so_arm.learning.residual.collector import Collector  # noqa: E402
from so_arm.learning.residual.episodes import Episode, Kind, Order, Weights  # noqa: E402
from so_arm.learning.residual.trainer import ResidualTrainer  # noqa: E402
from so_arm.sim.tasks.reach import RADIUS_M  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.slow]

#: No demonstrations and no shaping: all that it learns from is that an episode ended in success. The base succeeds in
#: one of six.
SETTINGS = small_settings(
    seed=1,
    steps=14_000,
    shaping=0.0,
    discount=0.95,
    warmup_episodes=120,
    episodes_per_round=16,
    exploration_noise=0.3,
    updates_per_step=0.4,
    critic_warmup=600,
    estimator_updates=100,
    actor_learning_rate=1e-3,
    critic_learning_rate=1e-3,
    target_rate=0.05,
    smoothing_noise=0.3,
    bc_zero=2.0,
)
SELECTION, JUDGED = range(50_000, 50_024), range(60_000, 60_040)


def _carried_out(collect: Collector, seeds: Sequence[int], weights: tuple[Weights, Weights] | None) -> list[Episode]:
    return collect(Order(list(seeds), Kind.evaluation, *(weights or (None, None))))


def _success(episodes: list[Episode]) -> float:
    return float(np.mean([episode.success for episode in episodes]))


def _error_m(episodes: list[Episode]) -> float:
    """How far outside of the target the gripper is in the last third of a second, on average."""
    lasts = [episode.privileged[-10:] for episode in episodes]
    distances = [np.linalg.norm(last[:, :3] - last[:, 3:6], axis=1).mean() for last in lasts]
    return float(np.mean(np.maximum(np.array(distances) - RADIUS_M, 0.0)))


def test_a_constant_error_of_the_base_is_learned_away() -> None:
    begun = time.process_time()
    collect, trainer = Collector(make_workplace(), SETTINGS), ResidualTrainer(SETTINGS, FEATURES)
    best, weights = -1.0, trainer.weights()
    judged_at = 0
    while not trainer.finished and best < 1.0:
        order = trainer.next_order()
        trainer.learn()
        trainer.take(collect(order), order.kind)
        trainer.prepare()
        if trainer.step - judged_at >= 1500:
            judged_at = trainer.step
            success = _success(_carried_out(collect, SELECTION, trainer.weights()))
            best, weights = max((best, weights), (success, trainer.weights()), key=lambda judged: judged[0])
    took = time.process_time() - begun

    base, corrected = (_carried_out(collect, JUDGED, chosen) for chosen in (None, weights))
    assert 1.0 - _success(base) > 0.6 and _error_m(base) > 0.005
    assert 1.0 - _success(corrected) <= 0.2 * (1.0 - _success(base))
    assert _error_m(corrected) <= 0.2 * _error_m(base)
    assert np.mean([e.steps for e in corrected]) < 0.8 * np.mean([e.steps for e in base])
    assert took < 60.0
