import math

import numpy as np
import pytest

from so_arm.core.arbiter import HOLD, POLICY, TELEOP, Arbiter
from so_arm.core.errors import UserError

PERIOD_NS = 33_333_333
HOME = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


def make_arbiter(source: str = POLICY) -> Arbiter:
    return Arbiter(source, PERIOD_NS * 1e-9, handover_velocity=3.0, timeout_ns=10 * PERIOD_NS)


def test_a_non_finite_offer_never_passes_and_the_last_target_stays() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    arbiter.offer(POLICY, 0, HOME + 0.5)
    for k, bad in enumerate((math.nan, math.inf), start=1):
        arbiter.observe(k, HOME)
        target = arbiter.offer(POLICY, k, np.array([0, 0, bad, 0, 0, 0]))
        assert target is not None and np.array_equal(target, HOME + 0.5)
    assert arbiter.refused == 2


def test_within_an_episode_targets_of_the_active_source_pass_to_the_last_bit() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    rng = np.random.default_rng(0)
    for k in range(20):
        wanted = rng.normal(size=6)
        assert arbiter.observe(k * PERIOD_NS, HOME) is None
        target = arbiter.offer(POLICY, k * PERIOD_NS, wanted)
        assert target is not None and target.tobytes() == wanted.tobytes()


def test_other_sources_are_ignored_and_counted() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    assert arbiter.offer(TELEOP, 0, HOME) is None
    assert arbiter.offer(HOLD, 0, HOME) is None
    assert arbiter.ignored == 2


def test_start_without_an_episode_begins_at_the_measured_pose() -> None:
    arbiter = make_arbiter()
    assert arbiter.offer(POLICY, 0, HOME + 1) is None  # no measured pose yet
    arbiter.observe(0, HOME)
    target = arbiter.offer(POLICY, 0, HOME + 1)
    assert target is not None and np.array_equal(target, HOME)


def test_handover_starts_at_the_last_target_and_slews_until_it_meets_the_new_source() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    arbiter.offer(POLICY, 0, HOME + 0.05)
    arbiter.select(TELEOP)
    wanted = HOME + 0.35
    targets = []
    for k in range(1, 8):
        arbiter.observe(k * PERIOD_NS, HOME)
        assert arbiter.offer(POLICY, k * PERIOD_NS, HOME - 1) is None
        target = arbiter.offer(TELEOP, k * PERIOD_NS, wanted)
        assert target is not None
        targets.append(float(target[0] - HOME[0]))
    assert targets == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.35, 0.35, 0.35], abs=1e-6)
    # Caught up: from here on even a fast target passes unchanged; speed is the command filter's business.
    target = arbiter.offer(TELEOP, 9 * PERIOD_NS, HOME - 1)
    assert target is not None and np.array_equal(target, HOME - 1)


def test_hold_keeps_the_last_target_at_every_observation() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    arbiter.offer(POLICY, 0, HOME + 0.05)
    arbiter.select(HOLD)
    for k in range(1, 4):
        target = arbiter.observe(k * PERIOD_NS, HOME - 0.3)
        assert target is not None and np.array_equal(target, HOME + 0.05)
    assert arbiter.holding


def test_hold_without_a_target_keeps_the_first_measured_pose() -> None:
    arbiter = make_arbiter(HOLD)
    for k in range(3):
        target = arbiter.observe(k, HOME + k)
        assert target is not None and np.array_equal(target, HOME)


def test_a_silent_source_makes_the_arm_hold_and_comes_back_bumpless() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    arbiter.offer(POLICY, 0, HOME + 0.05)
    held = [arbiter.observe(k * PERIOD_NS, HOME) for k in range(1, 13)]
    assert [target is None for target in held] == [True] * 10 + [False] * 2
    assert held[-1] is not None and np.array_equal(held[-1], HOME + 0.05)
    assert arbiter.holding
    target = arbiter.offer(POLICY, 12 * PERIOD_NS, HOME + 2)
    assert target is not None and np.array_equal(target, HOME + 0.05)
    assert not arbiter.holding


def test_an_observation_published_again_gets_the_same_answer() -> None:
    arbiter = make_arbiter()
    arbiter.observe(0, HOME)
    arbiter.offer(POLICY, 0, HOME + 1)
    first = arbiter.offer(POLICY, PERIOD_NS, HOME + 1)
    again = arbiter.offer(POLICY, PERIOD_NS, HOME + 1)
    assert first is not None and again is not None
    assert np.array_equal(first, again)


def test_settings_are_checked() -> None:
    with pytest.raises(UserError, match="unknown source 'polcy'; choose one of: hold, policy, teleop"):
        make_arbiter("polcy")
    with pytest.raises(UserError, match="must be more than 0"):
        Arbiter(POLICY, math.nan, 1.0, 1)


def test_a_measured_pose_that_is_not_finite_is_refused() -> None:
    arbiter = Arbiter("hold", 1 / 30, 1.0, 10**9)
    assert arbiter.observe(1, np.full(6, np.nan)) is None
    good = np.arange(6) / 10
    assert np.array_equal(arbiter.observe(2, good), good)
    broken = good.copy()
    broken[2] = np.nan
    assert np.array_equal(arbiter.observe(3, broken), good)
    assert arbiter.refused == 2
