"""The MuJoCo arm as the physics behind emulated servos: encoder ticks in, encoder ticks out."""

from __future__ import annotations

import numpy as np

from so_arm.core.calibration import FULL_TURN_JOINT, Calibration
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.ticks import TickScale
from so_arm.sim.arm import ArmSim
from so_arm.sim.clock import PHYSICS_STEP_S


class ServoPlant:
    """Moves `arm`. `calibration` says how it is assembled: which encoder tick of each servo is which angle [rad].

    An arm that was calibrated to some ends can reach them, so joints turn that far if the model's turn less.
    """

    def __init__(self, arm: ArmSim, calibration: Calibration) -> None:
        self._arm = arm
        self._scale = TickScale(calibration)
        measured = np.where(np.array(JOINT_NAMES) == FULL_TURN_JOINT, np.nan, 1.0)
        arm.widen(measured * self._scale.lower_rad, measured * self._scale.upper_rad)
        self._offset = np.array([joint.homing_offset for joint in calibration.in_order()])
        #: +1 where the ticks grow with the angle.
        self._direction = np.sign(self._scale.rad_s_from_ticks_s(1.0))
        self._torque = np.ones(len(self._offset))

    def __call__(self, goal: np.ndarray, torque: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All (6,): goal [encoder ticks, before the homing offset], torque [fraction of stall torque, 0 is limp].

        Returns shaft [encoder ticks], velocity [ticks/s] and load [fraction of stall torque], dt_s later.
        """
        if not np.array_equal(torque, self._torque):
            self._torque = torque
            self._arm.limit_torque(torque)
        self._arm.step(self._scale.rad_from_ticks(goal - self._offset), round(dt_s / PHYSICS_STEP_S))
        shaft = self._scale.exact_ticks_from_rad(self._arm.joint_position()) + self._offset
        velocity = self._scale.ticks_s_from_rad_s(self._arm.joint_velocity())
        return shaft, velocity, self._arm.servo_load() * self._direction
