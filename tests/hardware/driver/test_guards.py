"""Heat, supply, load, grip, overload and jumping encoders, each from its begin to its end."""

from __future__ import annotations

import numpy as np
import pytest
from tests.hardware.driver.fake_arm import LARGEST_STEP_RAD, FakeArm

from so_arm.core.errors import UserError
from so_arm.core.joints import GRIPPER
from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.driver.status import ERROR, WARN, Mode
from so_arm.hardware.feetech.errors import ServoFault

HOME = np.array(HOME_POSE)
LIFT = 1


@pytest.fixture
def arm() -> FakeArm:
    arm = FakeArm()
    arm.run(1.0, HOME)
    assert arm.logic.mode is Mode.FOLLOWING
    return arm


def worst(arm: FakeArm) -> tuple[int, str, str]:
    return arm.logic.troubles(arm.now_s)[0]


def test_warm_is_told_and_hot_makes_the_arm_rest_until_it_is_no_longer_warm(arm: FakeArm) -> None:
    arm.temperature[2] = 58
    arm.run(0.3, HOME)
    assert worst(arm) == (WARN, "warm", "elbow_flex has 58 degrees C") and arm.logic.mode is Mode.FOLLOWING
    arm.temperature[2] = 65
    arm.run(0.3, HOME)
    assert arm.logic.mode is Mode.LOWERING and worst(arm)[0] == ERROR
    arm.run(6.0, HOME)
    assert arm.logic.mode is Mode.LIMP and np.allclose(arm.pose, REST_POSE, atol=0.02)
    arm.temperature[2] = 56
    arm.run(2.0, HOME)
    assert arm.logic.mode is Mode.LIMP, "still warm"
    with pytest.raises(UserError, match="no torque before it has cooled down"):
        arm.logic.accept_pose(arm.now_s)
    arm.temperature[2] = 54
    arm.run(2.0, HOME)
    assert arm.logic.mode is Mode.FOLLOWING and worst(arm)[1] == "warm"
    arm.temperature[2] = 52
    arm.run(1.0, HOME)
    assert worst(arm)[1] == "following"
    assert arm.steps() < 0.02


def test_one_hot_reading_is_not_believed(arm: FakeArm) -> None:
    arm.temperature[2] = 90
    arm.cycle(HOME)
    arm.temperature[2] = 30
    arm.run(0.5, HOME)
    assert arm.logic.mode is Mode.FOLLOWING


def test_weak_supply_holds_and_recovers_by_itself(arm: FakeArm) -> None:
    arm.voltage[3] = 4.2
    arm.run(0.3, HOME - 0.3)
    assert arm.logic.mode is Mode.HOLDING
    assert worst(arm) == (
        ERROR,
        "supply",
        "supply is 4.2 V at wrist_flex, less than 4.5 V; check the power supply",
    )
    since = len(arm.goals)
    arm.run(1.0, HOME - 0.3)
    assert arm.steps(since) == 0
    arm.voltage[3] = 4.6
    arm.run(1.0, HOME - 0.3)
    assert arm.logic.mode is Mode.HOLDING, "hardly better"
    arm.voltage[3] = 7.4
    since = len(arm.goals)
    arm.run(1.5, HOME - 0.3)
    assert arm.logic.mode is Mode.FOLLOWING and arm.steps(since) < 0.02


def test_a_joint_that_pushes_too_long_is_held_where_it_is_and_the_others_go_on(arm: FakeArm) -> None:
    arm.blocked[LIFT] = float(HOME[LIFT])
    arm.load[LIFT] = 0.9
    arm.run(0.8, HOME + 0.4)
    assert LIFT not in arm.logic.health.stall.stalled, "not yet"
    arm.run(0.5, HOME + 0.4)
    assert worst(arm)[:2] == (ERROR, "stall") and "shoulder_lift" in worst(arm)[2]
    arm.load[LIFT] = 0.1
    arm.run(0.3, HOME + 0.4)
    assert arm.goal[LIFT] == pytest.approx(HOME[LIFT], abs=0.002)
    assert arm.goal[2] == pytest.approx(HOME[2] + 0.4)
    del arm.blocked[LIFT]
    since = len(arm.goals)
    arm.run(2.5, HOME + 0.4)
    assert arm.goal[LIFT] == pytest.approx(HOME[LIFT] + 0.4) and worst(arm)[1] == "following"
    assert arm.steps(since) <= 0.01 + 1e-9, "let go: approached"


def test_a_joint_that_stays_blocked_is_tried_less_and_less_often(arm: FakeArm) -> None:
    arm.blocked[LIFT] = float(HOME[LIFT])
    arm.load[LIFT] = 0.9
    stalled = []
    for _ in range(3000):
        arm.cycle(HOME + 0.4)
        stalled.append(LIFT in arm.logic.health.stall.stalled)
    assert 4 <= arm.logic.health.stall.stalls <= 6
    assert np.mean(stalled[-1000:]) > 0.8
    assert arm.steps() <= LARGEST_STEP_RAD


def test_current_counts_even_in_motion(arm: FakeArm) -> None:
    arm.current[0] = 1.6
    arm.run(1.2, lambda t: HOME + 0.5 * t)
    assert worst(arm)[1] == "stall"


def test_full_load_of_a_fast_move_is_no_stall(arm: FakeArm) -> None:
    arm.load[0] = 1.0
    arm.run(1.5, lambda t: HOME + np.array([0.6 * t, 0, 0, 0, 0, 0]))
    assert worst(arm)[1] == "following"


def test_gripper_squeezes_less_until_it_opens() -> None:
    arm = FakeArm()
    closing = HOME.copy()
    closing[GRIPPER] = 0.3
    arm.run(1.5, closing)
    arm.blocked[GRIPPER] = 0.3  # an object
    closing[GRIPPER] = -0.15
    squeezes, loads = [], []
    for k in range(600):
        # Torque grows with the distance of goal and jaw, and saturates.
        squeeze = arm.pose[GRIPPER] - arm.goal[GRIPPER]
        arm.load[GRIPPER] = min(0.5, max(0.0, squeeze) * 4)
        squeezes.append(squeeze)
        loads.append(arm.load[GRIPPER])
        arm.cycle(closing if k % 3 == 0 else None)
    assert max(squeezes) == pytest.approx(0.45, abs=0.02)
    over = np.flatnonzero(np.array(loads) > 0.25)
    assert over[-1] - over[0] < 190, "the servo's own protection latches after 2 s"
    assert 0.1 < loads[-1] < 0.25, "the object is still held"
    assert worst(arm)[1] == "grip"
    del arm.blocked[GRIPPER]
    arm.load[GRIPPER] = 0.0
    opening = HOME.copy()
    opening[GRIPPER] = 1.0
    arm.run(0.6, opening)
    assert arm.goal[GRIPPER] == 1.0 and worst(arm)[1] == "following"
    assert arm.steps() <= LARGEST_STEP_RAD


def test_gripper_closes_again_when_the_object_is_gone(arm: FakeArm) -> None:
    closing = HOME.copy()
    closing[GRIPPER] = 0.3
    arm.run(1.0, closing)
    arm.blocked[GRIPPER] = 0.3
    arm.load[GRIPPER] = 0.5
    closing[GRIPPER] = -0.15
    arm.run(2.0, closing)
    assert arm.logic.health.grip.active
    del arm.blocked[GRIPPER]
    arm.load[GRIPPER] = 0.0
    arm.run(2.0, closing)
    assert not arm.logic.health.grip.active and arm.goal[GRIPPER] == -0.15


def test_overload_latch_is_cleared_by_torque_off_and_on(arm: FakeArm) -> None:
    arm.faults[LIFT] = ServoFault.OVERLOAD
    arm.run(0.2, HOME)
    assert worst(arm)[:2] == (ERROR, "overload") and arm.cleared == []
    arm.run(0.2, HOME)
    assert arm.cleared == [LIFT]
    arm.faults[LIFT] = ServoFault(0)
    arm.run(0.5, HOME)
    assert worst(arm)[1] == "following" and all(arm.torque)
    assert arm.steps() < 0.02


def test_overload_that_comes_back_is_given_up_until_a_human_says_so(arm: FakeArm) -> None:
    arm.faults[LIFT] = ServoFault.OVERLOAD
    arm.run(60.0, HOME)
    assert arm.cleared == [LIFT] * 5
    assert "clear the way, then call enable_torque" in worst(arm)[2]
    arm.logic.accept_pose(arm.now_s)
    arm.run(2.0, HOME)
    assert len(arm.cleared) > 5


def test_no_latch_is_cleared_during_an_emergency_stop(arm: FakeArm) -> None:
    arm.logic.estopped = True
    arm.faults[LIFT] = ServoFault.OVERLOAD
    arm.run(5.0)
    assert arm.cleared == [] and all(arm.torque)


def test_a_jump_for_one_cycle_is_not_published_and_not_followed(arm: FakeArm) -> None:
    published, goal = arm.published, arm.goal
    arm.slip[LIFT] = 400
    arm.cycle(HOME)
    arm.slip[LIFT] = 0
    assert arm.published == published
    arm.cycle(HOME)
    assert arm.logic.mode is Mode.HOLDING and np.array_equal(arm.goal, goal)
    arm.run(0.5, HOME)
    assert arm.logic.mode is Mode.FOLLOWING and arm.published > published
    assert arm.steps() < 0.02


def test_a_slipped_encoder_does_not_lead_to_motion_until_a_human_accepts_it(arm: FakeArm) -> None:
    before = arm.pose.copy()
    arm.slip[LIFT] = 300
    published = arm.published
    arm.run(5.0, HOME)
    assert worst(arm)[:2] == (ERROR, "encoder") and "enable_torque" in worst(arm)[2]
    assert arm.logic.mode is Mode.HOLDING and all(arm.torque)
    assert arm.published == published
    assert np.abs(arm.pose - before).max() < 0.2, "what the servo does before it gets a new goal"
    still = arm.pose.copy()
    arm.run(5.0, HOME)
    assert np.array_equal(arm.pose, still)
    since = len(arm.goals)
    arm.logic.accept_pose(arm.now_s)
    arm.run(0.2)
    assert np.allclose(arm.pose, still, atol=0.01), "accepted, not moved"
    arm.run(1.0, HOME)
    assert arm.logic.mode is Mode.FOLLOWING and arm.published > published
    assert arm.steps(since) < 0.02


def test_a_slip_to_where_no_goal_can_be_takes_that_joint_its_torque(arm: FakeArm) -> None:
    arm.slip[LIFT] = -1500
    arm.run(2.0, HOME)
    assert arm.torque == [joint != LIFT for joint in range(6)]
    assert worst(arm)[1] == "encoder"
    arm.slip[LIFT] = -300  # a hand moves it to where goals can be
    arm.run(1.0, HOME)
    assert not arm.torque[LIFT], "torque at a pose in doubt is for a human to give"
    arm.logic.accept_pose(arm.now_s)
    arm.run(0.2, HOME)
    assert all(arm.torque)


def test_a_jump_that_ends_in_time_is_forgotten(arm: FakeArm) -> None:
    arm.slip[LIFT] = 300
    arm.run(0.2, HOME)
    arm.slip[LIFT] = 0
    arm.run(1.0, HOME)
    assert arm.logic.mode is Mode.FOLLOWING and not arm.logic.health.encoder.slipped


def test_a_limp_arm_may_be_turned_fast_by_hand() -> None:
    arm = FakeArm(leader=True)
    arm.run(0.5)
    for _ in range(30):
        arm.pose[0] += 0.08  # 8 rad/s
        arm.cycle()
    assert arm.published == 80
