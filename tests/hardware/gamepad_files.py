"""Gamepads without a device: the bytes of one, and what the kernel tells of it, in files."""

from __future__ import annotations

import json
import os
from pathlib import Path

from so_arm.hardware.gamepad_events import ABS, EVENT, KEY, SYN

LEFT_X, LEFT_Y, HAT_Y = 0x00, 0x01, 0x11
SOUTH, RIGHT_SHOULDER = 0x130, 0x137
_AXES = {"0": [0, 255], "1": [0, 255], "3": [-32768, 32767], "4": [-32768, 32767], "16": [-1, 1], "17": [-1, 1]}


def event(kind: int, code: int, value: int, time_s: float = 0.0) -> bytes:
    """One event and the report that ends it."""
    seconds, microseconds = int(time_s), round(time_s % 1 * 1e6)
    return EVENT.pack(seconds, microseconds, kind, code, value) + EVENT.pack(seconds, microseconds, SYN, 0, 0)


def axis(code: int, value: int, time_s: float = 0.0) -> bytes:
    return event(ABS, code, value, time_s)


def button(code: int, pressed: bool, time_s: float = 0.0) -> bytes:
    return event(KEY, code, int(pressed), time_s)


def describe(path: Path, axes: object = None) -> Path:
    """Write what goes beside `path`."""
    told = {"name": "Test pad", "axes": _AXES if axes is None else axes}
    path.with_name(f"{path.name}.json").write_text(json.dumps(told))
    return path


class FifoPad:
    """A gamepad that a test plays on; pulled out and plugged in again at will."""

    def __init__(self, folder: Path) -> None:
        self.path = describe(folder / "pad")
        os.mkfifo(self.path)
        self._fd = -1
        self.plug_in()

    def plug_in(self) -> None:
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def pull_out(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def send(self, data: bytes) -> None:
        os.write(self._fd, data)
