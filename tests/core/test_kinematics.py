import numpy as np

from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.kinematics import grasp_point, grasp_points


def test_the_grasp_points_of_many_poses_are_those_of_each() -> None:
    positions = np.random.default_rng(0).uniform(LOWER_RAD, UPPER_RAD, (50, 6))
    np.testing.assert_allclose(grasp_points(positions), [grasp_point(position) for position in positions], atol=1e-12)
    assert grasp_points(positions[:0]).shape == (0, 3)
