import numpy as np

from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot


def test_body_joints_are_degrees_and_the_gripper_is_0_to_100():
    q = np.array([np.pi / 2, 0.0, -np.pi / 4, 0.1, 0.2, np.radians(-10.0)])
    assert np.allclose(lerobot_from_rad(q)[:3], [90.0, 0.0, -45.0])
    assert np.isclose(lerobot_from_rad(q)[5], 0.0)
    assert np.isclose(lerobot_from_rad(UPPER_RAD)[5], 100.0)


def test_round_trip():
    q = np.random.default_rng(0).uniform(LOWER_RAD, UPPER_RAD, (100, 6))
    assert np.abs(rad_from_lerobot(lerobot_from_rad(q)) - q).max() < 1e-12
