"""How far each joint was moved, and whether its encoder came round on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from so_arm.core.calibration import TICKS_PER_TURN


@dataclass
class RecordedRange:
    """One joint [ticks]."""

    position: int
    low: int
    high: int
    wrapped: bool = False  #: jumped by about a turn: it crossed the end of the encoder's turn
    answered: bool = True  #: in the last sample

    @property
    def span(self) -> int:
        return self.high - self.low


class RangeRecorder:
    """Smallest and largest position of each joint since the start, as LeRobot records them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self.joints: dict[str, RecordedRange] = {}

    def add(self, positions: Mapping[str, int]) -> None:
        """One sample [ticks]; joints that are missing in it keep what they have."""
        for name in self._names:
            if name not in positions:
                if name in self.joints:
                    self.joints[name].answered = False
                continue
            self._add(name, positions[name])

    def _add(self, name: str, position: int) -> None:
        joint = self.joints.get(name)
        if joint is None:
            self.joints[name] = RecordedRange(position, position, position)
            return
        # No hand moves a joint by half a turn between two samples.
        if abs(position - joint.position) > TICKS_PER_TURN // 2:
            joint.wrapped = True
        joint.position, joint.answered = position, True
        joint.low, joint.high = min(joint.low, position), max(joint.high, position)
