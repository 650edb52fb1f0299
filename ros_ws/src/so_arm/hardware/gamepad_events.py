"""Linux input events into the state of a gamepad. Knows the bytes, not where they come from."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from so_arm.core.pad_jog import PadState

#: struct input_event of 64-bit Linux: seconds, microseconds, type, code, value.
EVENT = struct.Struct("@llHHi")
SYN, KEY, ABS = 0x00, 0x01, 0x03
SYN_DROPPED = 3

#: The kernel's codes for gamepads (Documentation/input/gamepad.rst).
AXIS_CODES = {0x00: "left_x", 0x01: "left_y", 0x03: "right_x", 0x04: "right_y", 0x10: "hat_x", 0x11: "hat_y"}
BUTTON_CODES = {
    0x130: "south",
    0x131: "east",
    0x133: "north",
    0x134: "west",
    0x136: "left_shoulder",
    0x137: "right_shoulder",
}


class AxisRange(NamedTuple):
    """What an axis reports at its ends; a direction pad has -1 and 1."""

    minimum: int
    maximum: int

    def normalised(self, value: int) -> float:
        """-1 to 1; 0 in the middle, and for an axis without any way."""
        way = self.maximum - self.minimum
        if way <= 0:
            return 0.0
        return min(max((2 * value - self.minimum - self.maximum) / way, -1.0), 1.0)


class PadEvents:
    """Follows the events of one gamepad, whose axes have the given ranges (by the kernel's code)."""

    def __init__(self, ranges: Mapping[int, AxisRange]) -> None:
        self._ranges = {code: ranges[code] for code in AXIS_CODES if code in ranges}
        self._rest = b""
        self.lost = False  #: the kernel dropped events: `set` what there is now
        self.set({}, ())

    @property
    def state(self) -> PadState:
        return PadState(dict(self._axes), frozenset(self._pressed))

    def set(self, values: Mapping[int, int], pressed: tuple[int, ...]) -> None:
        """Where axes (by code; others in the middle) and buttons are now."""
        self._axes = {
            AXIS_CODES[code]: ends.normalised(values[code]) if code in values else 0.0
            for code, ends in self._ranges.items()
        }
        self._pressed = {BUTTON_CODES[code] for code in pressed if code in BUTTON_CODES}
        self.lost = False

    def feed(self, data: bytes) -> None:
        """Bytes as they were read; a record may come in pieces."""
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        for _, _, kind, code, value in EVENT.iter_unpack(data[:whole]):
            if kind == ABS and code in self._ranges:
                self._axes[AXIS_CODES[code]] = self._ranges[code].normalised(value)
            elif kind == KEY and code in BUTTON_CODES:
                (self._pressed.add if value else self._pressed.discard)(BUTTON_CODES[code])
            elif kind == SYN and code == SYN_DROPPED:
                self.lost = True
