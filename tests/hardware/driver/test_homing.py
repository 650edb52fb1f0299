"""The way home: when it is answered, refused and broken off."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
from tests.hardware.driver.fake_arm import FakeArm

from so_arm.core.errors import UserError
from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.driver.status import Mode

HOME = np.array(HOME_POSE)


def test_home_is_answered_on_arrival_and_refuses_commands_on_the_way() -> None:
    arm = FakeArm(pose=HOME - 0.3)
    arm.run(0.2)
    answer: Future[str] = Future()
    arm.logic.go_home(answer, arm.now_s)
    arm.run(0.2, HOME + 1.0)
    assert arm.logic.mode is Mode.HOMING and arm.logic.refusal() == "homing"
    assert not answer.done()
    arm.run(0.5)
    assert answer.result(0) == "at home"
    assert np.allclose(arm.pose, HOME, atol=0.15)
    assert arm.steps() <= 0.01 + 1e-9


def test_from_home_work_begins_at_once_but_not_after_an_interruption() -> None:
    arm = FakeArm()
    arm.run(0.1)
    answer: Future[str] = Future()
    arm.logic.go_home(answer, arm.now_s)
    arm.run(3.0)
    assert answer.result(0) == "at home"
    since = len(arm.goals)
    arm.run(0.1, HOME + 0.4)
    assert 0.025 < arm.steps(since) <= 0.03 + 1e-9, "3 rad/s"
    arm.run(1.0, HOME + 0.4)
    arm.run(1.0)
    assert arm.logic.mode is Mode.HOLDING
    since = len(arm.goals)
    arm.run(0.1, HOME)
    assert arm.steps(since) <= 0.01 + 1e-9, "1 rad/s"


def test_home_says_which_joint_does_not_get_there() -> None:
    arm = FakeArm(pose=HOME - 0.3)
    arm.blocked[2] = HOME[2] - 0.3
    arm.run(0.2)
    answer: Future[str] = Future()
    arm.logic.go_home(answer, arm.now_s)
    arm.run(5.0)
    with pytest.raises(UserError, match=r"elbow_flex is 0\.30 rad away from home"):
        answer.result(0)
    assert arm.logic.mode is Mode.HOLDING


@pytest.mark.parametrize(("switch", "reason"), [("estopped", "emergency stop"), ("torque_off", "torque is off")])
def test_home_is_refused_and_broken_off_with_the_reason(switch: str, reason: str) -> None:
    arm = FakeArm(pose=HOME - 0.3)
    arm.run(0.2)
    answer: Future[str] = Future()
    arm.logic.go_home(answer, arm.now_s)
    arm.run(0.1)
    setattr(arm.logic, switch, True)
    arm.run(0.1)
    with pytest.raises(UserError, match=reason):
        answer.result(0)
    again: Future[str] = Future()
    arm.logic.go_home(again, arm.now_s)
    with pytest.raises(UserError, match=reason):
        again.result(0)


def test_home_brings_a_resting_arm_back() -> None:
    arm = FakeArm(pose=REST_POSE, lower_after=0.5)
    arm.run(3.0)
    assert arm.logic.mode is Mode.LIMP
    answer: Future[str] = Future()
    arm.logic.go_home(answer, arm.now_s)
    arm.run(4.0)
    assert answer.result(0) == "at home"
