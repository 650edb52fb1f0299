"""What the arm does with commands, silence, emergency stops and lost answers; nothing here waits."""

from __future__ import annotations

import numpy as np
from tests.hardware.driver.fake_arm import LARGEST_STEP_RAD, FakeArm, following_arm

from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.driver.status import Mode

HOME = np.array(HOME_POSE)


def test_the_first_goal_is_the_measured_pose() -> None:
    arm = FakeArm(pose=HOME + 0.1)
    arm.run(0.1)
    first = next(goal for goal in arm.goals if goal is not None)
    assert np.allclose(first, HOME + 0.1, atol=0.002)
    assert arm.logic.mode is Mode.HOLDING


def test_commands_are_approached_slowly_and_then_followed_at_full_speed() -> None:
    arm = FakeArm()
    arm.run(0.1)
    arm.run(0.2, HOME + 0.5)
    assert arm.logic.mode is Mode.FOLLOWING
    assert arm.steps() <= 0.01 + 1e-9, "approach at 1 rad/s"
    arm.run(1.0, HOME + 0.5)
    assert np.allclose(arm.goal, np.minimum(HOME + 0.5, arm.logic.gate.upper))
    since = len(arm.goals)
    arm.run(0.3, lambda t: HOME + 0.5 - 3.0 * t)
    assert 0.025 < arm.steps(since) < 0.035, "met: now 3 rad/s are followed"


def test_goals_are_interpolated_between_commands() -> None:
    arm = following_arm()
    arm.run(0.5, lambda t: HOME + 0.9 * t)
    steps = np.diff([goal[0] for goal in arm.goals[-30:] if goal is not None])
    assert np.all(steps > 0.004), "no goal repeats, although commands come in every third cycle"
    assert np.all(steps < 0.014)


def test_no_goal_beyond_limits_and_no_step_beyond_the_velocity_limit() -> None:
    arm = following_arm()
    rng = np.random.default_rng(0)
    since = len(arm.goals)
    for _ in range(300):
        arm.cycle(rng.uniform(-10, 10, 6))
    goals = np.array([goal for goal in arm.goals[since:] if goal is not None])
    assert np.all(goals >= LOWER_RAD - 0.002) and np.all(goals <= UPPER_RAD + 0.002)
    assert arm.steps(since) <= LARGEST_STEP_RAD


def test_silence_means_hold_and_the_way_back_is_bumpless() -> None:
    arm = following_arm()
    arm.run(0.6)
    assert arm.logic.mode is Mode.HOLDING and "silence" in arm.kinds
    assert arm.steps(len(arm.goals) - 20) == 0
    since = len(arm.goals)
    arm.run(0.5, HOME - 0.4)
    assert arm.logic.mode is Mode.FOLLOWING
    assert arm.steps(since) < 0.02


def test_left_alone_the_arm_is_lowered_and_goes_limp_and_a_command_brings_it_back() -> None:
    arm = following_arm(lower_after=2.0)
    arm.run(2.4)
    assert arm.logic.mode is Mode.LOWERING
    since = len(arm.goals)
    arm.run(6.0)
    assert arm.logic.mode is Mode.LIMP and arm.order.goal is None and not any(arm.torque)
    assert np.allclose(arm.pose, REST_POSE, atol=0.02)
    assert arm.steps(since) <= 0.005 + 1e-9, "0.5 rad/s"
    way = np.array([goal for goal in arm.goals[since:] if goal is not None])
    half = (way[len(way) // 2] - way[0]) / (way[-1] - way[0] + 1e-12)
    assert np.ptp(half[[1, 2, 3, 5]]) < 0.02, "all joints arrive together"
    since = len(arm.goals)
    arm.run(0.5, HOME)
    assert arm.logic.mode is Mode.FOLLOWING and all(arm.torque)
    first = next(goal for goal in arm.goals[since:] if goal is not None)
    assert np.allclose(first, REST_POSE, atol=0.03)
    assert arm.steps(since) < 0.02


def test_it_rests_with_torque_when_so_told_and_never_lowers_with_0() -> None:
    arm = following_arm(lower_after=1.0, release_after_lowering=False)
    arm.run(8.0)
    assert arm.logic.mode is Mode.HOLDING and all(arm.torque)
    arm = following_arm(lower_after=0.0)
    arm.run(100.0)
    assert arm.logic.mode is Mode.HOLDING


def test_emergency_stop_freezes_the_measured_pose_at_once_and_stays() -> None:
    arm = following_arm()
    arm.run(0.3, lambda t: HOME + 2.0 * t)
    arm.logic.estopped = True
    measured = arm.pose.copy()
    arm.cycle(HOME)
    assert arm.logic.mode is Mode.ESTOPPED
    assert np.allclose(arm.goal, measured, atol=0.002)
    frozen = arm.goal
    arm.run(100.0, HOME + 0.5)
    assert np.array_equal(arm.goal, frozen) and arm.logic.mode is Mode.ESTOPPED
    assert arm.logic.refusal() == "emergency stop"
    arm.logic.estopped = False
    arm.run(0.1)
    assert arm.logic.mode is Mode.HOLDING and np.array_equal(arm.goal, frozen)
    since = len(arm.goals)
    arm.run(0.2, HOME)
    assert arm.logic.mode is Mode.FOLLOWING and arm.steps(since) < 0.02


def test_emergency_stop_gives_no_torque_to_a_limp_arm() -> None:
    arm = FakeArm()
    arm.logic.torque_off = True
    arm.run(0.1)
    arm.logic.estopped = True
    arm.run(0.1)
    assert arm.logic.mode is Mode.ESTOPPED and not any(arm.torque) and arm.order.goal is None


def test_torque_off_and_on_where_the_arm_is_then() -> None:
    arm = following_arm()
    arm.logic.torque_off = True
    arm.run(0.1, HOME)
    assert arm.logic.mode is Mode.LIMP and not any(arm.torque)
    arm.pose = HOME - 0.3
    arm.run(0.3)
    arm.logic.accept_pose(arm.now_s)
    since = len(arm.goals)
    arm.run(0.1)
    first = next(goal for goal in arm.goals[since:] if goal is not None)
    assert all(arm.torque) and np.allclose(first, HOME - 0.3, atol=0.002)


def test_leader_never_has_torque() -> None:
    arm = FakeArm(leader=True)
    arm.run(1.0, HOME)
    assert not any(arm.torque) and all(goal is None for goal in arm.goals)
    assert arm.published == 100
    assert [trouble.level for trouble in arm.logic.troubles(arm.now_s)] == [0]


def test_lost_answers_freeze_the_goal_and_nothing_is_published() -> None:
    arm = following_arm()
    published = arm.published
    arm.silent = True
    arm.run(0.05, lambda t: HOME + t)
    assert arm.logic.mode is Mode.FOLLOWING, "single losses are no reason to stop"
    arm.run(0.15, lambda t: HOME + t)
    assert arm.logic.mode is Mode.HOLDING and arm.kinds[0] == "silent"
    since = len(arm.goals)
    arm.run(1.0, lambda t: HOME + t)
    assert arm.steps(since) == 0 and arm.published == published
    arm.silent = False
    since = len(arm.goals)
    arm.run(0.2, HOME + 0.5)
    assert arm.logic.mode is Mode.FOLLOWING and arm.steps(since) < 0.05


def test_emergency_stop_while_blind_does_not_go_back_to_an_old_pose() -> None:
    arm = following_arm()
    arm.run(0.3, lambda t: HOME + 2.0 * t)
    arm.silent = True
    arm.run(0.3, HOME + 0.6)
    goal = arm.goal
    arm.logic.estopped = True
    arm.run(0.1)
    assert arm.logic.mode is Mode.ESTOPPED and np.array_equal(arm.goal, goal)


def test_a_pose_outside_of_the_range_gets_no_torque_until_it_is_moved_back() -> None:
    arm = FakeArm(pose=HOME + np.array([2.3, 0, 0, 0, 0, 0]))
    arm.run(0.5, HOME)
    assert arm.logic.mode is Mode.HOLDING and arm.torque == [False] + [True] * 5
    assert arm.logic.troubles(arm.now_s)[0].text.startswith("shoulder_pan outside of the calibrated range")
    for _ in range(50):
        arm.pose[0] -= 0.02
        arm.cycle()
    arm.run(0.2)
    assert arm.logic.mode is Mode.HOLDING and all(arm.torque)


def test_a_pose_a_little_beyond_the_limits_comes_back_slowly() -> None:
    arm = FakeArm(pose=np.where(np.arange(6) == 0, UPPER_RAD + 0.04, HOME))
    arm.run(1.0)
    assert arm.goal[0] <= UPPER_RAD[0] + 1e-9
    assert arm.steps() <= 0.01 + 1e-9


def test_a_servo_that_lost_its_torque_is_held_where_it_is_then() -> None:
    arm = following_arm()
    arm.torque[1] = False
    arm.pose[1] -= 0.05
    since = len(arm.goals)
    arm.cycle(HOME)
    assert arm.logic.mode is Mode.HOLDING and "torque" in arm.kinds
    assert arm.order.goal is not None and arm.order.torque is not None and all(arm.order.torque)
    arm.run(0.5, HOME)
    assert arm.logic.mode is Mode.FOLLOWING
    assert arm.steps(since) < 0.08


def test_what_was_out_of_sight_is_taken_as_it_is_found() -> None:
    arm = following_arm()
    arm.logic.disconnected()
    arm.torque = [False] * 6
    arm.pose = HOME - 0.4
    arm.cycle()
    assert arm.order.goal is None and arm.order.torque is None, "nothing is switched before the pose is known"
    since = len(arm.goals)
    arm.run(0.3, HOME)
    first = next(goal for goal in arm.goals[since:] if goal is not None)
    assert np.allclose(first, HOME - 0.4, atol=0.002)
