"""The residual as robot and evaluation call it: nothing at first, bounded always, and what it was trained as."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_base import FEATURES, BiasedBase, SeenEnv, make_timeline, make_workplace, small_settings  # noqa: E402
from fake_episodes import FakeEnv, FakePolicy  # noqa: E402

from so_arm.core.chunk import ChunkTimeline  # noqa: E402
from so_arm.core.errors import UserError  # noqa: E402
from so_arm.core.joints import LOWER_RAD, UPPER_RAD  # noqa: E402
from so_arm.core.policy_tick import PolicyTick  # noqa: E402
from so_arm.core.residual import residual_scale_rad, to_unit  # noqa: E402
from so_arm.learning.controller import PolicyController, Prediction  # noqa: E402
from so_arm.learning.evaluation import run_episode  # noqa: E402
from so_arm.learning.residual.collector import Collector  # noqa: E402
from so_arm.learning.residual.corrector import Residual  # noqa: E402
from so_arm.learning.residual.episodes import Kind, Order  # noqa: E402
from so_arm.learning.residual.estimator import Estimator  # noqa: E402
from so_arm.learning.residual.networks import Actor  # noqa: E402
from so_arm.learning.residual.residual_folder import TrainedResidual  # noqa: E402
from so_arm.learning.residual.settings import ResidualSettings  # noqa: E402

pytestmark = pytest.mark.torch
BOUND = (0.1, 0.2, 0.05, 0.1, 0.3, 1.0)


def _trained(settings: ResidualSettings, head: float, feature_size: int = FEATURES) -> TrainedResidual:
    """head: spread of the last layer's weights, which are zero before training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        actor, estimator = Actor(settings.hidden), Estimator(feature_size)
        torch.nn.init.normal_(actor.head.weight, std=head)
    estimator.place_scale.fill_(0.1)
    return TrainedResidual(actor, estimator, settings, {})


def _residual(head: float, feature_size: int = FEATURES) -> Residual:
    return Residual(_trained(ResidualSettings(hidden=16, bound=BOUND), head, feature_size))


def _ticks(n: int, outside: float = 0.0) -> list[PolicyTick]:
    rng = np.random.default_rng(0)
    return [
        PolicyTick(
            tick * 33_333_333,
            rng.uniform(LOWER_RAD, UPPER_RAD),
            rng.uniform(LOWER_RAD - outside, UPPER_RAD + outside, (50 - tick % 50, 6)),
            tick % 50,
            rng.normal(size=FEATURES).astype(np.float32),
        )
        for tick in range(n)
    ]


@pytest.mark.parametrize("residual", [Residual(), _residual(head=0.0)], ids=["none", "untrained"])
def test_an_untrained_residual_returns_the_base_bit_by_bit(residual: Residual) -> None:
    for tick in _ticks(100, outside=0.5):
        correction, action = residual.correct(tick)
        assert action.tobytes() == tick.plan[0].tobytes() and not correction.any()


def test_with_an_untrained_residual_an_episode_is_that_of_the_base() -> None:
    actions = []
    for residual in (None, Residual(), _residual(head=0.0, feature_size=FakePolicy.feature_size)):
        taken: list[bytes] = []
        controller = PolicyController(FakePolicy(), ChunkTimeline(33_333_333), residual)
        run_episode(FakeEnv(), controller, 3, lambda tick, before, action, reward: taken.append(action.tobytes()))  # noqa: B023
        actions.append(taken)
    assert len(actions[0]) == 60 and actions[1] == actions[2] == actions[0]


@pytest.mark.parametrize("limit", [1.0, 0.07, [0.0, 0.5, 0.01, 0.1, 0.2, 0.9]])
def test_never_beyond_the_bound_nor_across_a_limit(limit: float | list[float]) -> None:
    residual = _residual(head=5.0)
    residual.limit(limit)
    allowed = residual_scale_rad(np.minimum(BOUND, limit))
    largest = np.zeros(6)
    for tick in _ticks(300, outside=0.3):
        correction, action = residual.correct(tick)
        base = tick.plan[0]
        assert (np.abs(correction) <= allowed * (1 + 1e-12)).all()
        assert (action <= np.maximum(UPPER_RAD, base) + 1e-12).all()
        assert (action >= np.minimum(LOWER_RAD, base) - 1e-12).all()
        assert np.array_equal(action, base + correction)
        largest = np.maximum(largest, np.abs(correction))
    np.testing.assert_allclose(largest, allowed, rtol=1e-3)


def test_a_narrower_bound_clips_and_does_not_shrink() -> None:
    free, narrow, undone = _residual(head=0.3), _residual(head=0.3), _residual(head=0.3)
    narrow.limit(0.02)
    undone.limit(0.0)
    undone.limit(1.0)
    for tick in _ticks(50):
        wanted = free.correct(tick).residual
        assert np.array_equal(undone.correct(tick).residual, wanted)
        clipped = np.clip(wanted, -residual_scale_rad(0.02), residual_scale_rad(0.02))
        np.testing.assert_allclose(narrow.correct(tick).residual, clipped, atol=1e-12)


@pytest.mark.parametrize(
    ("bound", "message"),
    [([0.1] * 5, "bound has 5 values, expected 1 or 6"), (1.5, "expected 0.0 to 1.0"), (float("nan"), "expected 0.0")],
)
def test_a_bound_that_cannot_be(bound: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _residual(head=0.1).limit(bound)


def test_a_new_episode_remembers_nothing_of_the_one_before() -> None:
    residual = _residual(head=0.3)
    ticks = _ticks(3)
    first = [residual.correct(tick).residual for tick in ticks]
    residual.reset()
    assert np.array_equal([residual.correct(tick).residual for tick in ticks], first)
    residual.reset()
    assert not np.array_equal(residual.correct(ticks[1]).residual, first[1])  # it has seen no rate


class _OneByOne(BiasedBase):
    def predict(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> Prediction:
        chunks, features = self.predict_batch(state_rad[None], {name: image[None] for name, image in images.items()})
        return Prediction(chunks[0], features[0])

    def reset(self) -> None:
        pass


def test_it_acts_as_it_was_trained() -> None:
    """The same episode through the collector, which trains, and through the controller, which is judged."""
    settings = small_settings()
    trained = _trained(settings, head=0.3)
    weights = [{k: v.numpy() for k, v in module.state_dict().items()} for module in (trained.actor, trained.estimator)]
    collected = Collector(make_workplace(), settings)(Order([5], Kind.evaluation, *weights))[0]
    taken: list[np.ndarray] = []
    run_episode(
        SeenEnv(60),
        PolicyController(_OneByOne(), make_timeline(), Residual(trained)),
        5,
        lambda tick, before, action, reward: taken.append(action),
    )
    base = collected.body[: collected.steps, 12:18]
    assert np.abs(collected.action - base).max() > 0.02
    assert len(taken) == collected.steps
    np.testing.assert_allclose(collected.action, to_unit(np.array(taken)), atol=1e-4)
