"""The physics that an emulated arm may have, and the simplest one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_NO_LOAD_TICKS_S = 3400.0  #: about 50 rpm


class Motion(NamedTuple):
    """Arrays (n,): shaft angle [encoder ticks, turns counted], speed [ticks/s], load [fraction of stall torque]."""

    shaft: np.ndarray
    velocity: np.ndarray
    load: np.ndarray


#: plant(goal (n,) [encoder ticks], torque (n,) [fraction of stall torque, 0 is limp], dt_s) -> a Motion, or a plain
#: tuple of the same three arrays, after dt_s
Plant = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray, np.ndarray]]


class FirstOrderPlant:
    """Every shaft approaches its goal with one time constant, at most at the servo's speed; limp ones stay."""

    def __init__(self, shaft: np.ndarray, time_constant_s: float = 0.03) -> None:
        self.shaft = np.array(shaft, dtype=np.float64)
        self._time_constant_s = time_constant_s

    def __call__(self, goal: np.ndarray, torque: np.ndarray, dt_s: float) -> Motion:
        wanted = (goal - self.shaft) / max(self._time_constant_s, dt_s)
        fastest = _NO_LOAD_TICKS_S * torque
        # np.clip takes five times as long on so few.
        velocity = np.minimum(np.maximum(wanted, -fastest), fastest)
        self.shaft = self.shaft + velocity * dt_s
        load = np.minimum(np.maximum(0.3 * velocity / _NO_LOAD_TICKS_S, -torque), torque)
        return Motion(self.shaft, velocity, load)
