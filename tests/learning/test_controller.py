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
    def correct(self, state_rad, base):
        residual = np.full(6, 0.5)
        return residual, base + residual


def test_residual_is_applied_to_the_executed_step():
    controller = PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS), HalfRadian())
    for tick in range(3):
        action = controller.act(tick_stamp_ns(tick), STATE, image_recorder([]))
        np.testing.assert_allclose(action, STATE + 1e-3 * tick + 0.5)
