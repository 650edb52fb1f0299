"""The joint target that jogging moves: bounded speed, within the limits, never far from where the arm is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from so_arm.core.jog import Jog
from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD

#: How far a target may lead the measured pose: more than what servos sag and lag, and the jaw holds a cube with it.
LEAD_RAD = 0.3

#: (joints (6,) [rad], velocities (6,) as in `Jog`, time [s]) -> joints (6,) [rad] after that time.
CartesianStep = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


class JogTarget:
    """period_s: time between two calls of `step`. All positions are (6,) [rad] in ``JOINT_NAMES`` order."""

    def __init__(self, cartesian: CartesianStep, period_s: float, lead_rad: float = LEAD_RAD) -> None:
        self._cartesian, self._period_s, self._lead_rad = cartesian, period_s, lead_rad
        self._target = np.zeros(NUM_JOINTS)

    def reset(self, measured: np.ndarray) -> None:
        """Start at the measured pose."""
        self._target = np.clip(measured, LOWER_RAD, UPPER_RAD)

    def step(self, jog: Jog, measured: np.ndarray) -> np.ndarray:
        """The next target; without motion it stays, whatever the servos sag."""
        if jog.velocity.any():
            wanted = self._moved(jog)
            wanted = np.clip(wanted, measured - self._lead_rad, measured + self._lead_rad)
        else:
            # Somebody else moved the arm: it is not to jump back.
            away = np.abs(self._target - measured) > self._lead_rad + 1e-9
            wanted = np.where(away, measured, self._target)
        self._target = np.clip(wanted, LOWER_RAD, UPPER_RAD)
        return self._target.copy()

    def _moved(self, jog: Jog) -> np.ndarray:
        if jog.cartesian:
            return self._cartesian(self._target, jog.velocity, self._period_s)
        return self._target + jog.velocity * self._period_s
