"""How the driver is doing, in one line and in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Level(IntEnum):
    OK = 0
    WARN = 1
    ERROR = 2


OK, WARN, ERROR = Level.OK, Level.WARN, Level.ERROR
#: Kind of what happens just before the driver ends.
ENDING = "ending"


class Mode(StrEnum):
    CONNECTING = "connecting"
    REFUSED = "refused"  #: calibration and servos disagree
    STARTING = "starting"  #: connected, no pose known yet
    LIMP = "limp"
    HOLDING = "holding"
    FOLLOWING = "following"
    HOMING = "homing"
    LOWERING = "lowering"
    ESTOPPED = "estopped"


class Trouble(NamedTuple):
    """kind: stays the same while the numbers in `text` change."""

    level: Level
    kind: str
    text: str


@dataclass(frozen=True)
class DriverStatus:
    """text: one line about the worst thing. counts grow; readings are for people."""

    level: Level
    mode: Mode
    text: str
    counts: dict[str, int]
    readings: dict[str, str]
