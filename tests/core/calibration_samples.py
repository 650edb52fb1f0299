"""Calibration files of every known format, made up for tests; functions, so that each test may spoil its own copy."""

from __future__ import annotations

import json
from typing import Any

from tests.shared_files import SHARED

from so_arm.core.calibration import nominal_calibration
from so_arm.core.calibration_formats import lerobot_text
from so_arm.core.joints import JOINT_NAMES

CALIBRATIONS = SHARED / "data" / "calibration"


def lerobot() -> dict[str, Any]:
    return json.loads(lerobot_text(nominal_calibration({"elbow_flex": -1062})))


def lists() -> dict[str, Any]:
    return {
        "homing_offset": [-2046, 3007, -886, -2014, 2058, -2183],
        "drive_mode": [0, 1, 0, 0, 1, 0],
        "start_pos": [2042, 3010, 892, 2022, 1957, 2041],
        "end_pos": [3070, -1983, 1910, 3038, -1034, 3207],
        "calib_mode": ["DEGREE"] * 5 + ["LINEAR"],
        "motor_names": list(JOINT_NAMES),
    }


def lists_with_ranges() -> dict[str, Any]:
    poses = {"homing_offset": [0] * 6, "start_pos": [2047] * 5 + [1600], "end_pos": [4095] * 5 + [2900]}
    ranges = {"range_min": [800, 900, 800, 850, 0, 1600], "range_max": [3300, 3200, 3000, 3150, 4095, 2900]}
    return lists() | poses | ranges | {"drive_mode": [0] * 6, "kind": "leader"}


def phosphobot() -> dict[str, Any]:
    return {
        "name": "so-100",
        "servos_voltage": 12.0,
        "servos_offsets": [2147.0, 2076.0, 985.0, 2116.0, 3164.0, 1990.0],
        "servos_calibration_position": [1091.0, 3137.0, -42.0, 1114.0, 4222.0, 3216.0],
        "servos_offsets_signs": [-1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        "pid_gains": [{"p_gain": 6.0, "i_gain": 0.1, "d_gain": 30.0}] * 6,
        "gripping_threshold": 80,
    }


ALL = (lerobot, lists, lists_with_ranges, phosphobot)
