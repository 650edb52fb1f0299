import json

import numpy as np
from tests.core import calibration_samples

from so_arm.core.calibration_formats import parse_calibration
from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.ticks import TickScale
from so_arm.core.units import lerobot_from_rad, old_lerobot_from_rad, rad_from_lerobot, rad_from_old_lerobot


def test_body_joints_are_degrees_and_the_gripper_is_0_to_100():
    q = np.array([np.pi / 2, 0.0, -np.pi / 4, 0.1, 0.2, np.radians(-10.0)])
    assert np.allclose(lerobot_from_rad(q)[:3], [90.0, 0.0, -45.0])
    assert np.isclose(lerobot_from_rad(q)[5], 0.0)
    assert np.isclose(lerobot_from_rad(UPPER_RAD)[5], 100.0)


def test_round_trip():
    q = np.random.default_rng(0).uniform(LOWER_RAD, UPPER_RAD, (100, 6))
    assert np.abs(rad_from_lerobot(lerobot_from_rad(q)) - q).max() < 1e-12


def test_old_degrees_of_the_official_poses():
    """Pitch = -shoulder_lift and Elbow = elbow_flex in old degrees, 0 for the arm stretched out."""
    stretched = rad_from_old_lerobot(np.zeros(6))
    assert np.allclose(np.degrees(stretched), [0, 90, -90, 0, 0, -10])
    folded = rad_from_old_lerobot([10.0, 187.0, 175.0, 60.0, -3.0, 100.0])
    assert np.allclose(np.degrees(folded), [10, -97, 85, 60, 3, 100])


def test_old_degrees_round_trip():
    q = np.random.default_rng(0).uniform(LOWER_RAD, UPPER_RAD, (100, 6))
    assert np.abs(rad_from_old_lerobot(old_lerobot_from_rad(q)) - q).max() < 1e-12


def test_old_degrees_agree_with_old_calibrations():
    """What LeRobot before 0.2 said for some ticks, (raw, negated if driven) + offset, is what our ticks say in rad."""
    lists = calibration_samples.lists()
    calibration = parse_calibration(json.dumps(lists), "lists.json")
    raw = np.array([2100, -1500, 1800, 2000, -2200, 2041])
    old = (np.where(lists["drive_mode"], -raw, raw) + lists["homing_offset"]) * 180 / 2048
    old[5] = 0.0
    ticks = raw - [joint.homing_offset for joint in calibration.in_order()]
    apart = rad_from_old_lerobot(old) - TickScale(calibration).rad_from_ticks(ticks)
    assert np.abs(np.angle(np.exp(1j * apart))).max() < np.radians(0.1)
