import sys
from pathlib import Path

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.clock import tick_stamp_ns
from so_arm.learning.controller import PolicyController

sys.path.insert(0, str(Path(__file__).parent))
from fake_episodes import PERIOD_NS, FakePolicy

STATE = np.linspace(-0.2, 0.3, 6)


def image_recorder(asked):
    def image_of(name):
        asked.append(name)
        return np.zeros((4, 6, 3), np.uint8)

    return image_of


def test_replans_after_twenty_executed_steps_and_asks_for_images_only_then():
    controller = PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS, 50, 0.6))
    asked_at = []
    for tick in range(61):
        asked: list[str] = []
        controller.act(tick_stamp_ns(tick), STATE, image_recorder(asked))
        if asked:
            assert asked == ["static", "wrist"]
            asked_at.append(tick)
    assert asked_at == [0, 20, 40, 60]


def test_executes_the_steps_of_the_chunk_in_order():
    controller = PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS, 50, 0.0))
    for tick in range(50):
        action = controller.act(tick_stamp_ns(tick), STATE, image_recorder([]))
        np.testing.assert_array_equal(action, STATE + 1e-3 * tick)


def test_reset_forgets_the_chunk_and_resets_the_policy():
    policy = FakePolicy()
    controller = PolicyController(policy, ChunkTimeline(PERIOD_NS))
    controller.act(tick_stamp_ns(0), STATE, image_recorder([]))
    controller.reset()
    assert policy.calls == 0
    asked: list[str] = []
    controller.act(tick_stamp_ns(0), STATE, image_recorder(asked))
    assert asked


class HalfRadian:
    def __init__(self):
        self.ticks = []

    def reset(self):
        self.ticks.clear()

    def correct(self, tick):
        self.ticks.append(tick)
        residual = np.full(6, 0.5)
        return residual, tick.plan[0] + residual


def test_residual_is_applied_to_the_executed_step():
    controller = PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS), HalfRadian())
    for tick in range(3):
        action = controller.act(tick_stamp_ns(tick), STATE, image_recorder([]))
        np.testing.assert_allclose(action, STATE + 1e-3 * tick + 0.5)


def test_the_residual_sees_the_plan_from_here_on_and_what_the_policy_saw():
    residual = HalfRadian()
    controller = PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS, 50, 0.6), residual)
    for tick in range(21):
        controller.act(tick_stamp_ns(tick), STATE + tick, image_recorder([]))
    seen = residual.ticks[19]
    assert (seen.stamp_ns, seen.step, seen.plan.shape, seen.features.tolist()) == (tick_stamp_ns(19), 19, (31, 6), [1])
    np.testing.assert_array_equal(seen.position, STATE + 19)
    np.testing.assert_array_equal(seen.plan, STATE + 1e-3 * np.arange(19, 50)[:, None])
    seen = residual.ticks[20]
    assert (seen.step, seen.plan.shape, seen.features.tolist()) == (0, (50, 6), [2])
    controller.reset()
    assert not residual.ticks


def test_features_come_with_their_chunk_when_it_is_late():
    residual = HalfRadian()
    controller = PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS, 50, 0.6), residual, delay=3)
    for tick in range(25):
        controller.decide(tick_stamp_ns(tick), STATE, image_recorder([]))
    told = {tick.stamp_ns: (tick.step, tick.features.tolist()) for tick in residual.ticks}
    assert min(told) == tick_stamp_ns(3)  # the first chunk is there
    assert told[tick_stamp_ns(22)] == (22, [1])
    assert told[tick_stamp_ns(23)] == (3, [2])
