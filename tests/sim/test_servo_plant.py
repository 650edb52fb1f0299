"""The MuJoCo arm behind emulated servos: angles agree, torque is limited, gravity and contact are felt."""

from __future__ import annotations

import numpy as np
import pytest

from so_arm.core.calibration import Calibration, JointCalibration, nominal_calibration
from so_arm.core.joints import GRIPPER, NUM_JOINTS
from so_arm.core.ticks import TickScale
from so_arm.sim.arm import ArmSim, load_model
from so_arm.sim.servo_plant import ServoPlant
from so_arm.sim.start import HOME_RAD

DT_S = 0.002
ALL = np.ones(NUM_JOINTS)


def crooked_arm() -> Calibration:
    """Offsets both ways, and a gripper that closes towards higher ticks."""
    joints = dict(nominal_calibration({"shoulder_pan": 900, "elbow_flex": -1500, "wrist_roll": 2000}).joints)
    gripper = joints["gripper"]
    joints["gripper"] = JointCalibration(gripper.id, 1, -700, gripper.range_min, gripper.range_max)
    return Calibration(joints)


class Rig:
    def __init__(self, calibration: Calibration) -> None:
        self.arm = ArmSim(load_model("pick_place"))
        self.arm.reset(HOME_RAD)
        self.arm.settle()
        self.scale = TickScale(calibration)
        self.offset = np.array([joint.homing_offset for joint in calibration.in_order()])
        self.plant = ServoPlant(self.arm, calibration)

    def run(self, goal_rad: np.ndarray, torque: np.ndarray = ALL, seconds: float = 1.0):
        goal = self.scale.exact_ticks_from_rad(goal_rad) + self.offset
        for _ in range(round(seconds / DT_S)):
            motion = self.plant(goal, torque, DT_S)
        return motion


@pytest.mark.parametrize("calibration", [nominal_calibration(), crooked_arm()])
def test_a_goal_in_ticks_is_where_the_arm_goes(calibration: Calibration):
    rig = Rig(calibration)
    wanted = HOME_RAD + np.array([0.2, 0.1, -0.2, -0.3, 0.4, -0.3])
    shaft, velocity, load = rig.run(wanted, seconds=2.0)
    reached = rig.arm.joint_position()
    assert np.abs(reached - wanted).max() < 0.1  # gravity makes it sag
    assert rig.scale.rad_from_ticks(shaft - rig.offset) == pytest.approx(reached)
    assert np.abs(velocity).max() < 5
    # The load has the sign of the ticks: it pushes towards the goal.
    lag = rig.scale.exact_ticks_from_rad(wanted) + rig.offset - shaft
    heavy = np.abs(load) > 0.02
    assert heavy.any() and (np.sign(load[heavy]) == np.sign(lag[heavy])).all()


def test_a_limp_arm_falls_and_a_weak_one_gives_way():
    falling, weak, strong = (Rig(nominal_calibration()) for _ in range(3))
    for rig, share in ((falling, 0.0), (weak, 0.02), (strong, 1.0)):
        *_, load = rig.run(HOME_RAD, ALL * share)
        assert np.abs(load).max() <= share + 1e-9
    sag = [rig.arm.joint_position()[2] - HOME_RAD[2] for rig in (falling, weak, strong)]
    assert sag[0] > 0.2 and sag[0] > sag[1] > sag[2] > 0.0


def test_torque_comes_back():
    rig = Rig(nominal_calibration())
    rig.run(HOME_RAD, ALL * 0.0)
    rig.run(HOME_RAD, ALL, 2.0)
    assert np.abs(rig.arm.joint_position() - HOME_RAD).max() < 0.1


def test_fingers_that_close_on_the_cube_show_as_load():
    rig = Rig(nominal_calibration())
    cube = int(rig.arm.model.joint("cube").qposadr[0])
    closed = HOME_RAD.copy()
    closed[GRIPPER] = 0.0
    *_, empty = rig.run(closed)
    rig.run(HOME_RAD)
    for _ in range(50):  # held between the fingers until they have it
        rig.arm.data.qpos[cube : cube + 3] = rig.arm.grasp_point()
        *_, full = rig.run(closed, seconds=0.006)
    assert abs(empty[GRIPPER]) < 0.1
    assert abs(full[GRIPPER]) > 0.2
