"""The task's reward as a potential: it leads the way and earns nothing by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.torch

from so_arm.learning.residual.training_reward import PRIVILEGED_SIZE, TrainingReward, places, privileged  # noqa: E402
from so_arm.rewards.registry import make_reward  # noqa: E402
from so_arm.rewards.state import RewardState  # noqa: E402

DISCOUNT, BONUS, SHAPING = 0.9, 2.0, 0.02
V3 = make_reward("v3")
START = RewardState((0.2, 0.1, 0.012), (0.25, -0.1, 0.012), (0.2, 0.0, 0.1), 0.0, 0, 0.0, 0.5, False, False, 0)
CARRIED = replace(START, object_position=(0.25, -0.1, 0.1), object_height=0.09, gripper_object_contacts=2)


def _states(n: int) -> list[RewardState]:
    """An object on a random way, off the table now and then."""
    rng = np.random.default_rng(0)
    return [
        replace(
            START,
            object_position=tuple(rng.uniform((0.1, -0.2, 0.0), (0.3, 0.2, 0.2))),
            object_height=float(rng.uniform(0, 0.1)),
            gripper_object_contacts=int(rng.integers(3)),
        )
        for _ in range(n)
    ]


def _earned(states: list[RewardState], bonus: float = BONUS, shaping: float = SHAPING) -> list[float]:
    reward = TrainingReward(V3, bonus, shaping, DISCOUNT)
    reward.begin(states[0])
    return [reward(state) for state in states[1:]]


def _sum(rewards: list[float]) -> float:
    return sum(DISCOUNT**tick * reward for tick, reward in enumerate(rewards))


def test_what_is_between_start_and_end_does_not_count() -> None:
    states = _states(20)
    expected = DISCOUNT**19 * SHAPING * V3(states[-1]) - SHAPING * V3(states[0])
    assert _sum(_earned(states)) == pytest.approx(expected)
    assert len({round(reward, 6) for reward in _earned(states)}) > 10


def test_a_success_ends_at_potential_zero_and_brings_the_bonus() -> None:
    states = [*_states(10), replace(CARRIED, success=True)]
    assert _sum(_earned(states)) == pytest.approx(DISCOUNT**9 * BONUS - SHAPING * V3(states[0]))
    assert _earned(states)[-1] == pytest.approx(BONUS - SHAPING * V3(states[-2]))


def test_hovering_over_the_target_earns_nothing() -> None:
    """By v3 itself it would earn 12 a tick; success, which ends the episode, 500 once."""
    assert V3(CARRIED) > 12.0
    assert max(_earned([CARRIED] * 50)) <= 0.0
    hovering = [START, *[CARRIED] * 60]
    succeeding = [START, *[CARRIED] * 5, replace(CARRIED, success=True)]
    assert _sum(_earned(succeeding)) > _sum(_earned(hovering)) + 0.5


def test_without_shaping_only_success_counts() -> None:
    states = [*_states(4), replace(CARRIED, success=True)]
    assert _earned(states, shaping=0.0) == [0.0, 0.0, 0.0, BONUS]


def test_every_episode_begins_anew() -> None:
    reward = TrainingReward(V3, BONUS, SHAPING, DISCOUNT)
    earned = []
    for _ in range(2):
        reward.begin(START)
        earned.append(reward(CARRIED))
    assert earned[0] == earned[1] > 0.0


def test_the_critics_are_told_what_a_robot_does_not_know() -> None:
    seen = privileged(CARRIED)
    assert seen.shape == (PRIVILEGED_SIZE,) and seen.dtype == np.float32
    np.testing.assert_allclose(seen[:9].reshape(3, 3)[:2].ravel(), places(CARRIED))
    assert {field: not np.array_equal(privileged(changed), seen) for field, changed in _changed(CARRIED)} == {
        "object_position": True,
        "target_position": True,
        "gripper_position": True,
        "object_height": True,
        "gripper_object_contacts": True,
        "object_speed": True,
        "gripper_opening": True,
        "ever_lifted": True,
    }


def _changed(state: RewardState) -> list[tuple[str, RewardState]]:
    values = {
        **dict.fromkeys(("object_position", "target_position", "gripper_position"), (0.0, 0.0, 0.5)),
        **dict.fromkeys(("object_height", "object_speed", "gripper_opening"), 0.7),
        "gripper_object_contacts": 1,
        "ever_lifted": True,
    }
    return [(field, replace(state, **{field: value})) for field, value in values.items()]
