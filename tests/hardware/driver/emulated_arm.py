"""Emulated servos in a process of their own that keeps everything that counts: each goal that came over the wire, and
each position that the servos had in their registers, with the times of the monotonic clock that all processes share.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.paths import share_dir
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech.faults import Fault

FILE = share_dir() / "calibration" / "example_follower.json"
CALIBRATION = read_calibration(FILE)
SCALE = TickScale(CALIBRATION)
_START_TIMEOUT_S = 120.0


class Goals(NamedTuple):
    """One packet with goals: in ticks, by servo id."""

    at_ns: int
    ticks: dict[int, int]


class Positions(NamedTuple):
    """What the servos' registers said [ticks] until `at_ns`, and since the entry before."""

    at_ns: int
    ticks: tuple[int, ...]


class Record(NamedTuple):
    goals: list[Goals]
    positions: list[Positions]


class EmulatedArm:
    """One process for many tests, one arm at a time."""

    def __init__(self) -> None:
        self._line, theirs = multiprocessing.Pipe()
        script = Path(__file__).with_name("emulated_arm_process.py")
        words = [sys.executable, str(script), str(theirs.fileno())]
        self._process = subprocess.Popen(words, pass_fds=(theirs.fileno(),))
        theirs.close()
        assert self._line.poll(_START_TIMEOUT_S), "the emulator's process did not start"
        self._line.recv()

    def begin(self, pose: Sequence[float]) -> str:
        """Path of the port of an arm that stands limp at `pose` (6,) [rad]."""
        return self._call("begin", str(FILE), list(pose))

    def inject(self, *faults: Fault) -> int:
        """Now; returns when that was."""
        return self._call("inject", *faults)

    def clear(self) -> int:
        return self._call("clear")

    def end(self) -> None:
        """The arm is gone; its record is kept until the next `begin`."""
        self._call("end")

    def record(self) -> Record:
        """Of all since `begin`."""
        goals, positions = self._call("record")
        return Record([Goals(*entry) for entry in goals], [Positions(*entry) for entry in positions])

    def close(self) -> None:
        self._line.close()
        self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, name: str, *arguments: object) -> Any:
        self._line.send((name, arguments))
        return self._line.recv()
