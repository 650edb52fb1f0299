from __future__ import annotations

import numpy as np
import pytest

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.paths import share_dir
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech.led_arm import HAND_RAD_S, LedArm

DT_S = 0.002
LIMP = np.zeros(6)


def led(seconds: float, hand: np.ndarray) -> tuple[LedArm, np.ndarray, np.ndarray]:
    """An arm that was led so long; its angles by its servos' ticks, and the fastest it went [rad/s]."""
    calibration = read_calibration(share_dir() / "calibration" / "example_leader.json")
    arm, scale = LedArm(calibration, np.zeros(6)), TickScale(calibration)
    offset = np.array([joint.homing_offset for joint in calibration.in_order()])
    arm.hand = hand
    fastest = np.zeros(6)
    for _ in range(round(seconds / DT_S)):
        motion = arm(np.zeros(6), LIMP, DT_S)
        fastest = np.maximum(fastest, np.abs(scale.rad_s_from_ticks_s(motion.velocity)))
    return arm, scale.rad_from_ticks(motion.shaft - offset), fastest


def test_joints_go_where_the_hand_leads_them_whatever_the_servos_goals_are():
    hand = np.array([0.3, -0.4, 0.2, 0.1, -0.5, 0.6])
    arm, angles, _ = led(1.0, hand)
    assert arm.position == pytest.approx(hand, abs=1e-3)
    assert angles == pytest.approx(hand, abs=1e-3)


def test_no_faster_than_a_hand():
    _, angles, fastest = led(0.2, np.array([1.5, 0, 0, 0, 0, 0]))
    assert fastest[0] == pytest.approx(HAND_RAD_S) and angles[0] < 1.0
