"""Jogging by gamepad: what sticks and buttons do. Sticks that are let go mean no motion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from so_arm.core.jog import CARTESIAN_SPEED, JAW, PITCH, ROLL, Jog, X, Y, Z

#: Stick axes and buttons by name; axes from -1 to 1, to the right and down positive.
AXES = ("left_x", "left_y", "right_x", "right_y", "hat_x", "hat_y")
BUTTONS = ("south", "east", "west", "north", "left_shoulder", "right_shoulder")
#: Held: the person is in control; let go: whoever was before.
TAKE_OVER = "right_shoulder"

_MOTIONS = (
    ("left_y", X, -1.0),
    ("left_x", Y, -1.0),
    ("right_y", Z, -1.0),
    ("hat_y", PITCH, -1.0),
    ("right_x", ROLL, 1.0),
)
_JAW = {"east": 1.0, "south": -1.0}


class PadState(NamedTuple):
    """A moment of a gamepad."""

    axes: dict[str, float]  #: those of ``AXES`` that it has
    pressed: frozenset[str]  #: out of ``BUTTONS``


def jog_of(pad: PadState, dead_zone: float, speed: float) -> Jog:
    """The motion that the sticks ask for.

    dead_zone: share of a stick's way, from the middle, that does nothing. speed: share of full speed.
    """
    velocity = np.zeros(len(CARTESIAN_SPEED))
    for name, axis, sign in _MOTIONS:
        velocity[axis] = sign * _shaped(pad.axes.get(name, 0.0), dead_zone)
    velocity[JAW] = sum(direction for button, direction in _JAW.items() if button in pad.pressed)
    return Jog(True, velocity * CARTESIAN_SPEED * speed)


def _shaped(value: float, dead_zone: float) -> float:
    """Zero in the dead zone, from there on growing from zero to one."""
    beyond = abs(value) - dead_zone
    if not beyond > 0.0:  # NaN too
        return 0.0
    return min(beyond / (1.0 - dead_zone), 1.0) * (1.0 if value > 0 else -1.0)
