import numpy as np

from so_arm.core.jog import CARTESIAN_SPEED
from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.kinematics import grasp_point, link_poses
from so_arm.sim.cartesian_jog import MAX_JOINT_RAD_S, CartesianJog
from so_arm.sim.start import HOME_RAD

PERIOD_S = 1 / 30


def pitch_and_roll(joints: np.ndarray) -> np.ndarray:
    """Angle of the fingers above the horizon, and the turn of the wrist [rad]."""
    approach = -link_poses(joints)[5][:3, 1]
    return np.array([np.arctan2(approach[2], np.hypot(*approach[:2])), joints[4]])


def test_every_axis_moves_alone_at_its_speed() -> None:
    jog = CartesianJog()
    for axis, speed in enumerate(CARTESIAN_SPEED[:5]):
        for sign in (-0.35, 0.35):
            joints = np.array(HOME_RAD)
            joints[3] -= 0.3  # fingers not straight down, where pitch has its turning point
            before = np.concatenate((grasp_point(joints), pitch_and_roll(joints)))
            velocity = np.zeros(6)
            velocity[axis] = sign * speed
            for _ in range(10):
                joints = jog(joints, velocity, PERIOD_S)
            moved = np.concatenate((grasp_point(joints), pitch_and_roll(joints))) - before
            wanted = velocity[:5] * 10 * PERIOD_S
            assert np.abs(moved - wanted)[:3].max() < 0.001, (axis, sign, moved, wanted)
            assert np.abs(moved - wanted)[3:].max() < 0.02, (axis, sign, moved, wanted)


def test_out_of_reach_it_stops_within_limits_and_without_leaps() -> None:
    jog, joints = CartesianJog(), np.array(HOME_RAD)
    for axis in (0, 2, 1):
        velocity = np.zeros(6)
        velocity[axis] = CARTESIAN_SPEED[axis]
        for _ in range(150):
            before, joints = joints, jog(joints, velocity, PERIOD_S)
            assert np.abs(joints - before).max() <= MAX_JOINT_RAD_S * PERIOD_S + 1e-6
            assert (joints >= LOWER_RAD).all() and (joints <= UPPER_RAD).all()
    assert np.abs(joints - before).max() < 0.01, "at rest at the end of its reach"
