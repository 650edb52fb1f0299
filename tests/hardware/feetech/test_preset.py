"""Emulated servos agree with the calibration they were set up by."""

from __future__ import annotations

import numpy as np
import pytest

from so_arm.core.calibration import nominal_calibration
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.preset import servos_of

CALIBRATION = nominal_calibration({"shoulder_pan": -2000, "elbow_flex": 1900, "gripper": 2047})
POSE = np.array([0.3, -0.9, 0.7, 1.4, -1.5, 0.6])


def test_eeprom_and_pose_are_those_of_the_calibration():
    servos = servos_of(CALIBRATION, POSE)
    for servo, joint in zip(servos, CALIBRATION.in_order(), strict=True):
        for _ in range(2):
            assert servo.id == joint.id
            assert servo.get(reg.HOMING_OFFSET) == joint.homing_offset
            assert (servo.get(reg.MIN_POSITION_LIMIT), servo.get(reg.MAX_POSITION_LIMIT)) == (
                joint.range_min,
                joint.range_max,
            )
            assert servo.torque() == 0.0
            servo.power_up()  # it is kept
    assert TickScale(CALIBRATION).rad_from_ticks([servo.present() for servo in servos]) == pytest.approx(POSE, abs=2e-3)
    assert [servo.get(reg.GOAL_POSITION) for servo in servos] == [servo.present() for servo in servos]


def test_fresh_servos_know_nothing_but_sit_where_they_were_mounted():
    fresh, assembled = servos_of(CALIBRATION, POSE, fresh=True), servos_of(CALIBRATION, POSE)
    assert {servo.id for servo in fresh} == {1}
    assert {servo.get(reg.HOMING_OFFSET) for servo in fresh} == {0}
    assert [servo.shaft for servo in fresh] == [servo.shaft for servo in assembled]
