import math

import numpy as np
import pytest

from so_arm.core.arbiter import HOLD, POLICY, TELEOP, Arbiter, Control
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


def test_taking_over_and_handing_back_are_bumpless_and_every_sample_says_who_it_is_from() -> None:
    arbiter = make_arbiter()
    arbiter.begin_episode()
    step = 3.0 * PERIOD_NS * 1e-9
    at = {POLICY: HOME + 0.05, TELEOP: HOME - 0.3}
    targets, sources, in_control = [], [], []
    for k in range(24):
        if k in (4, 14):
            arbiter.take_over(k == 4)
        arbiter.observe(k * PERIOD_NS, HOME)
        for source, position in at.items():
            target = arbiter.offer(source, k * PERIOD_NS, position)
            if target is not None:
                targets.append(target)
        sources.append(arbiter.sent_by)
        in_control.append(arbiter.control.in_control)
    assert sources == [POLICY] * 4 + [TELEOP] * 10 + [POLICY] * 10
    assert in_control == ([True] * 4 + [False] * 4 + [True] * 6) + ([False] * 4 + [True] * 6)
    assert np.abs(np.diff(targets, axis=0)).max() <= step + 1e-12
    assert np.array_equal(targets[13], at[TELEOP]) and np.array_equal(targets[-1], at[POLICY])


def test_handing_back_goes_to_the_source_of_before_and_only_after_a_take_over() -> None:
    arbiter = make_arbiter(HOLD)
    assert arbiter.take_over(True) == "teleop takes over from hold"
    assert arbiter.take_over(True) == "teleop is the source already"
    assert arbiter.take_over(False) == "handed back to hold"
    assert arbiter.take_over(False) == "hold is the source already"
    with pytest.raises(UserError, match="set the parameter source"):
        make_arbiter(TELEOP).take_over(False)


def test_whoever_takes_over_answers_the_observation_that_waits() -> None:
    """In lockstep no other observation comes before it is answered."""
    arbiter = make_arbiter()
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    arbiter.offer(POLICY, 0, HOME + 0.05)
    arbiter.observe(PERIOD_NS, HOME)
    assert arbiter.offer(TELEOP, PERIOD_NS, HOME) is None
    arbiter.take_over(True)
    target = arbiter.catch_up(PERIOD_NS)
    assert target is not None and np.array_equal(target, HOME + 0.05)
    assert arbiter.catch_up(PERIOD_NS) is None, "once"


def test_a_person_starts_an_episode_from_the_measured_pose_a_policy_where_it_wants() -> None:
    for source, first in ((POLICY, HOME + 1), (TELEOP, HOME)):
        arbiter = make_arbiter(source)
        arbiter.begin_episode()
        early = arbiter.offer(source, 0, HOME + 1)
        target = arbiter.observe(0, HOME)
        answers = [answer for answer in (early, target) if answer is not None]
        assert len(answers) == 1 and np.array_equal(answers[0], first), source


def test_what_is_held_is_nobodys() -> None:
    arbiter = make_arbiter(TELEOP)
    arbiter.begin_episode()
    arbiter.observe(0, HOME)
    arbiter.offer(TELEOP, 0, HOME)
    arbiter.offer(TELEOP, 1, HOME)
    assert arbiter.control == Control(TELEOP, in_control=True, holding=False)
    arbiter.offer(TELEOP, 2, np.full(6, np.nan))
    assert arbiter.sent_by == HOLD and not arbiter.control.in_control
    arbiter.observe(20 * PERIOD_NS, HOME)
    assert arbiter.sent_by == HOLD
    assert arbiter.control == Control(TELEOP, in_control=False, holding=True)


@pytest.mark.parametrize(("source", "slews"), [(TELEOP, True), (POLICY, False)])
def test_a_hand_that_was_lost_for_a_moment_may_be_elsewhere(source: str, slews: bool) -> None:
    arbiter = make_arbiter(source)
    arbiter.begin_episode()
    for k in (0, 1, 2):
        arbiter.observe(k * PERIOD_NS, HOME)
        arbiter.offer(source, k * PERIOD_NS, HOME)
    assert arbiter.control.in_control
    for k in range(3, 7):
        arbiter.observe(k * PERIOD_NS, HOME)
    target = arbiter.offer(source, 6 * PERIOD_NS, HOME + 1)
    assert target is not None and np.array_equal(target, HOME if slews else HOME + 1)
