"""Jogging by keys: which key does what, and how fast the arm is to move because of those pressed last.

A terminal reports presses and repeats, never a release. So a press moves for a short hold time, and repeats renew it:
they never add up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from so_arm.core.joints import GRIPPER, JOINT_NAMES, NUM_JOINTS

#: What the six Cartesian velocities are, in order; the first three in base_link.
X, Y, Z, PITCH, ROLL, JAW = range(6)
#: Full speed [m/s, m/s, m/s, rad/s, rad/s, rad/s] and of a joint [rad/s].
CARTESIAN_SPEED = (0.15, 0.15, 0.15, 1.2, 1.5, 1.5)
JOINT_SPEED_RAD_S = 0.9
SPEEDS = (0.1, 0.2, 0.35, 0.6, 1.0)
_FIRST_SPEED = 2
#: A press moves for so long. Terminals repeat a key every 30 to 50 ms once they have begun to.
HOLD_S = 0.15

_CARTESIAN = {
    "up": (X, 1.0),
    "down": (X, -1.0),
    "left": (Y, 1.0),
    "right": (Y, -1.0),
    "u": (Z, 1.0),
    "j": (Z, -1.0),
    "i": (PITCH, 1.0),
    "k": (PITCH, -1.0),
    "w": (ROLL, 1.0),
    "e": (ROLL, -1.0),
    "o": (JAW, 1.0),
    "c": (JAW, -1.0),
}
_SELECTED = {"up": 1.0, "right": 1.0, "down": -1.0, "left": -1.0}
_GRIPPER = {"o": 1.0, "c": -1.0}
_FASTER, _SLOWER = ("+", "="), ("-", "_")
_JOINTS = {str(i + 1): i for i in range(NUM_JOINTS)}

#: Every key that jogs -> what it does, in the order to show them. The recording's keys are none of these.
KEYS: dict[str, str] = {
    "m": "Cartesian or joint by joint",
    "up": "forward (Cartesian), chosen joint + (joint by joint)",
    "down": "back, chosen joint -",
    "left": "to the left, chosen joint -",
    "right": "to the right, chosen joint +",
    "u": "up",
    "j": "down",
    "i": "fingers up",
    "k": "fingers down",
    "w": "roll the wrist +",
    "e": "roll the wrist -",
    "o": "open the gripper",
    "c": "close the gripper",
    **{key: f"choose {JOINT_NAMES[i]}, joint by joint" for key, i in _JOINTS.items()},
    "+": "faster",
    "-": "slower",
}


class Jog(NamedTuple):
    """How to move."""

    cartesian: bool
    velocity: np.ndarray  #: (6,): x y z [m/s], pitch, roll, jaw [rad/s]; or the joints [rad/s]


class KeyJog:
    """Presses in, velocities out. Times are stamps of joint states [ns], so that lockstep is no special case."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._hold_ns = int(hold_s * 1e9)
        self._cartesian = True
        self._joint = 0
        self._speed = _FIRST_SPEED
        self._held: dict[int, tuple[float, int]] = {}  # axis -> direction, end of the hold

    @property
    def text(self) -> str:
        """The mode and the speed, for people."""
        mode = "Cartesian" if self._cartesian else f"joint by joint, {JOINT_NAMES[self._joint]}"
        return f"{mode}, speed {SPEEDS[self._speed]:.0%}"

    def press(self, key: str, stamp_ns: int) -> bool:
        """Note a key; False when it has nothing to do with jogging."""
        if key == "m":
            self._choose(not self._cartesian, self._joint)
        elif key in _JOINTS:
            self._choose(False, _JOINTS[key])
        elif key in _FASTER or key in _SLOWER:
            self._speed = min(max(self._speed + (1 if key in _FASTER else -1), 0), len(SPEEDS) - 1)
        else:
            axis, direction = self._motion(key)
            if direction:
                self._held[axis] = direction, stamp_ns + self._hold_ns
            return bool(direction) or key in KEYS
        return True

    def stop(self) -> None:
        """As if no key had been pressed."""
        self._held.clear()

    def jog(self, stamp_ns: int) -> Jog:
        """The motion wanted at `stamp_ns`; zero when no press is fresh."""
        velocity = np.zeros(NUM_JOINTS)
        for axis, (direction, until_ns) in list(self._held.items()):
            # A clock that went back would make the hold last for ever.
            if 0 < until_ns - stamp_ns <= self._hold_ns:
                full = CARTESIAN_SPEED[axis] if self._cartesian or axis == GRIPPER else JOINT_SPEED_RAD_S
                velocity[axis] = direction * full * SPEEDS[self._speed]
            else:
                del self._held[axis]
        return Jog(self._cartesian, velocity)

    def _choose(self, cartesian: bool, joint: int) -> None:
        self._cartesian, self._joint = cartesian, joint
        self.stop()

    def _motion(self, key: str) -> tuple[int, float]:
        """Axis and direction; 0 when the key does not move anything now."""
        if self._cartesian:
            return _CARTESIAN.get(key, (0, 0.0))
        if key in _GRIPPER:
            return GRIPPER, _GRIPPER[key]
        return self._joint, _SELECTED.get(key, 0.0)
