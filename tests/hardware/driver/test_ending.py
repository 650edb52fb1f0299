"""What becomes of the arm at the driver's end."""

from __future__ import annotations

import numpy as np
import pytest
from tests.hardware.driver.fake_arm import LARGEST_STEP_RAD, FakeArm, following_arm

from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.driver.status import Mode

HOME = np.array(HOME_POSE)


@pytest.mark.parametrize("pose", [HOME_POSE, (1.8, 1.2, -1.5, -1.5, 2.7, 1.6)])
def test_at_the_end_it_is_lowered_within_4_seconds(pose: tuple[float, ...]) -> None:
    arm = FakeArm(pose=pose)
    arm.run(0.5)
    arm.logic.end("lower")
    cycles = 0
    while not arm.logic.ended:
        arm.cycle(HOME)
        cycles += 1
        assert cycles < 420
    assert np.allclose(arm.pose, REST_POSE, atol=0.02)
    assert arm.steps() <= 0.015 + 1e-9


@pytest.mark.parametrize(("how", "mode"), [("hold", Mode.HOLDING), ("limp", Mode.LIMP)])
def test_other_ends(how: str, mode: Mode) -> None:
    arm = following_arm()
    arm.logic.end(how)
    arm.run(0.02)
    assert arm.logic.ended and arm.logic.mode is mode


def test_an_emergency_stop_stays_at_the_end() -> None:
    arm = following_arm()
    arm.logic.estopped = True
    arm.run(0.1)
    arm.logic.end("lower")
    arm.run(0.1)
    assert arm.logic.ended and arm.logic.mode is Mode.ESTOPPED and all(arm.torque)


def test_late_cycles_do_not_keep_it_from_being_down_in_time() -> None:
    arm = FakeArm(pose=(1.8, 1.2, -1.5, -1.5, 2.7, 1.6))
    arm.run(0.5)
    arm.logic.end("lower")
    begin_s = arm.now_s
    while not arm.logic.ended:
        arm.now_s += 0.01  # every other cycle is lost
        arm.cycle()
    assert arm.now_s - begin_s < 4.2
    assert arm.steps() <= LARGEST_STEP_RAD
    assert np.allclose(arm.pose, REST_POSE, atol=0.02)


def test_an_arm_whose_pose_is_not_known_yet_is_not_let_go_before_it_is_down() -> None:
    arm = FakeArm(pose=(1.8, 1.2, -1.5, -1.5, 2.7, 1.6))
    arm.torque = [True] * 6  # from the driver before
    arm.logic.end("lower")
    arm.silent = True
    arm.run(0.1)
    assert arm.logic.mode is Mode.STARTING and not arm.logic.ended
    arm.silent = False
    begin_s = arm.now_s
    while not arm.logic.ended:
        arm.cycle()
        assert arm.now_s - begin_s < 4.2
    assert np.allclose(arm.pose, REST_POSE, atol=0.02)


@pytest.mark.parametrize("how", ["hold", "limp"])
def test_other_ends_need_no_pose(how: str) -> None:
    arm = FakeArm()
    arm.logic.end(how)
    assert arm.logic.ended
