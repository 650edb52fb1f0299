"""A hand that moves the limp emulated arm, and scans that take less time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import ArrayLike

from so_arm.core.calibration import TICKS_PER_TURN, Calibration
from so_arm.core.joints import NUM_JOINTS
from so_arm.hardware.feetech import identity
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.plant import Motion
from so_arm.hardware.feetech.preset import servos_of
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.feetech.settings import start_settings

#: Patience for a machine where the emulator's thread may have to wait for a core.
MARGIN_S = 0.4


class Hand:
    """Shafts (6,) [encoder ticks, turns counted] are where `move` puts them; the motors have no say."""

    def __init__(self, start: ArrayLike) -> None:
        self._shaft = np.array(start, dtype=np.float64)
        self.emulator = Emulator(
            [Servo(servo_id, shaft) for servo_id, shaft in enumerate(self._shaft, start=1)],
            plant=self._plant,
            wire_time=False,
        )

    def _plant(self, goal: np.ndarray, torque: np.ndarray, dt_s: float) -> Motion:
        return Motion(self._shaft, np.zeros(len(self._shaft)), np.zeros(len(self._shaft)))

    def move(self, shaft: ArrayLike) -> None:
        """Returns when every servo reports its new place."""
        self._shaft = np.array(shaft, dtype=np.float64)
        wanted = np.rint(self._shaft) % TICKS_PER_TURN
        while True:
            with self.emulator.lock:
                at = np.array([round(servo.shaft) % TICKS_PER_TURN for servo in self.emulator.servos])
            if (at == wanted).all():
                return
            time.sleep(0.001)


def fit_servos(calibration: Calibration) -> list[Servo]:
    """Servos of an arm that is ready to run: calibrated, and with the driver's settings."""
    servos = servos_of(calibration, np.zeros(NUM_JOINTS))
    for servo in servos:
        wanted = start_settings(servo.get(reg.PHASE), is_gripper=servo is servos[-1])
        for register, value in wanted.items():
            servo.put(register, value)
    return servos


def fewer_baud_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scans listen at two rates only, and longer at each: a loaded machine may keep the emulator from answering."""
    for code in (2, 3, 4):
        monkeypatch.delitem(reg.BAUD_RATES, code)
    monkeypatch.setattr(identity, "_QUIET_S", 0.25)
