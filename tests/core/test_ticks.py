"""Ticks, radians and LeRobot's units agree with each other and with LeRobot itself, for any calibration."""

import numpy as np
import pytest

from so_arm.core.calibration import Calibration, JointCalibration, nominal_calibration
from so_arm.core.errors import SoArmError
from so_arm.core.joints import GRIPPER, GRIPPER_CLOSED_RAD, GRIPPER_OPEN_RAD, JOINT_NAMES, LOWER_RAD, UPPER_RAD
from so_arm.core.ticks import TickScale
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot

CALIBRATIONS = 300


def random_calibration(rng):
    joints = {}
    for number, name in enumerate(JOINT_NAMES, start=1):
        low, high = sorted(int(tick) for tick in rng.choice(4096, 2, replace=False))
        joints[name] = JointCalibration(number, int(rng.integers(2)), int(rng.integers(-2047, 2048)), low, high)
    return Calibration(joints)


@pytest.fixture(params=range(4))
def rng(request):
    return np.random.default_rng(request.param)


def cases(rng):
    """(calibration, its scale, ticks (50, 6) within its range, both ends included)."""
    for _ in range(CALIBRATIONS // 4):
        calibration = random_calibration(rng)
        low = [joint.range_min for joint in calibration.in_order()]
        high = [joint.range_max for joint in calibration.in_order()]
        inside = rng.integers(low, np.array(high) + 1, (48, 6))
        yield calibration, TickScale(calibration), np.vstack([low, high, inside])


def test_radians_bring_back_the_very_tick(rng):
    for _, scale, ticks in cases(rng):
        assert (scale.ticks_from_rad(scale.rad_from_ticks(ticks)) == ticks).all()


@pytest.mark.parametrize("use_degrees", [True, False])
def test_lerobots_units_bring_back_the_tick_within_one(rng, use_degrees):
    for _, scale, ticks in cases(rng):
        again = scale.ticks_from_lerobot(scale.lerobot_from_ticks(ticks, use_degrees), use_degrees)
        assert np.abs(again - ticks).max() <= 1


def test_radians_are_lerobots_degrees_and_percent(rng):
    for _, scale, ticks in cases(rng):
        values = scale.lerobot_from_ticks(ticks)
        assert np.allclose(scale.rad_from_ticks(ticks), rad_from_lerobot(values), atol=1e-9)
        assert np.allclose(lerobot_from_rad(scale.rad_from_ticks(ticks)), values, atol=1e-9)
        goals = scale.ticks_from_rad(rad_from_lerobot(values))
        assert np.abs(goals - scale.ticks_from_lerobot(values)).max() <= 1


@pytest.mark.torch
@pytest.mark.parametrize("use_degrees", [True, False])
def test_the_same_numbers_as_lerobot(rng, use_degrees):
    from lerobot.motors import Motor, MotorCalibration, MotorNormMode
    from lerobot.motors.feetech import FeetechMotorsBus

    body = MotorNormMode.DEGREES if use_degrees else MotorNormMode.RANGE_M100_100
    modes = [body] * GRIPPER + [MotorNormMode.RANGE_0_100]
    motors = {name: Motor(i + 1, "sts3215", modes[i]) for i, name in enumerate(JOINT_NAMES)}
    bus = FeetechMotorsBus("nowhere", motors)
    for calibration, scale, ticks in cases(rng):
        bus.calibration = {name: MotorCalibration(**vars(joint)) for name, joint in calibration.joints.items()}
        ticks = np.vstack([ticks, rng.integers(0, 4096, (50, 6))])  # beyond the range too
        ours = scale.lerobot_from_ticks(ticks, use_degrees)
        theirs = [bus._normalize(dict(enumerate(row, start=1))) for row in ticks.tolist()]
        assert (ours == [list(row.values()) for row in theirs]).all()
        goals = np.vstack([ours, rng.uniform(-130, 130, (50, 6)), np.zeros(6)])
        theirs = [bus._unnormalize(dict(enumerate(row, start=1))) for row in goals.tolist()]
        assert (scale.ticks_from_lerobot(goals, use_degrees) == [list(row.values()) for row in theirs]).all()


def test_zero_is_the_middle_and_the_grippers_ends_are_its_limits():
    scale = TickScale(nominal_calibration())
    middle = [joint.middle for joint in nominal_calibration().in_order()]
    assert (scale.rad_from_ticks(middle)[:GRIPPER] == 0).all()
    assert np.isclose(scale.lower_rad[GRIPPER], GRIPPER_CLOSED_RAD)
    assert np.isclose(scale.upper_rad[GRIPPER], GRIPPER_OPEN_RAD)
    assert (scale.lower_rad <= LOWER_RAD + 0.001).all() and (scale.upper_rad >= UPPER_RAD - 0.001).all()


def test_drive_mode_turns_the_gripper_round_and_no_other_joint():
    plain = nominal_calibration()
    driven = Calibration(
        {name: JointCalibration(j.id, 1, 0, *(j.range_min, j.range_max)) for name, j in plain.joints.items()}
    )
    ticks = [1500, 1500, 1500, 1500, 1500, plain.joints["gripper"].range_min]
    one, other = TickScale(plain).rad_from_ticks(ticks), TickScale(driven).rad_from_ticks(ticks)
    assert (one[:GRIPPER] == other[:GRIPPER]).all()
    assert np.isclose(one[GRIPPER], GRIPPER_CLOSED_RAD) and np.isclose(other[GRIPPER], GRIPPER_OPEN_RAD)


def test_goals_stay_within_the_range_and_are_finite():
    scale = TickScale(nominal_calibration())
    assert (scale.ticks_from_rad(np.full(6, -100.0)) == scale.ticks_from_rad(scale.lower_rad)).all()
    for convert in (scale.ticks_from_rad, scale.ticks_from_lerobot):
        with pytest.raises(SoArmError, match="not finite"):
            convert([0, 0, float("nan"), 0, 0, 0])


def test_velocity_is_the_difference_of_positions():
    scale = TickScale(nominal_calibration())
    step = np.array([10, -10, 0, 5, 1, 20])
    moved = scale.rad_from_ticks(2000 + step) - scale.rad_from_ticks(np.full(6, 2000))
    assert np.allclose(scale.rad_s_from_ticks_s(step), moved)


def test_the_closed_gripper_is_within_its_range():
    scale = TickScale(nominal_calibration())
    closed, opened = rad_from_lerobot([[0.0] * 6, [0.0] * 5 + [100.0]])[:, 5]
    assert scale.lower_rad[5] == closed
    assert scale.upper_rad[5] == opened
