"""Commands on their way in: the newest one, checked, and the straight line from one to the next."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from so_arm.core.command_filter import CommandFilter


class Command(NamedTuple):
    position: list[float]  #: [rad]
    stamp_ns: int  #: date clock, of the observation that it answers


class CommandIntake:
    """`put` from any thread, `take` in the bus thread; a command that was not taken is replaced by the next.

    command_filter: its limits and its rules of age are applied here, its steps are taken in the wire's rhythm.
    """

    def __init__(self, command_filter: CommandFilter) -> None:
        self._filter = command_filter
        self._newest: deque[Command] = deque(maxlen=1)
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()  #: by reason
        self.bent: Counter[str] = Counter()  #: by reason
        self.last_trouble = ""
        self.last_trouble_ns = 0

    def put(self, position: Sequence[float] | np.ndarray, stamp_ns: int) -> None:
        values = position.tolist() if isinstance(position, np.ndarray) else [float(value) for value in position]
        self._newest.append(Command(values, stamp_ns))

    def take(self, now_ns: int, refusal: str) -> list[float] | None:
        """Position of the newest command (6) [rad] within limits, None when there is none that may be followed.

        now_ns: date clock. refusal: why none is wanted now; empty when they are.
        """
        if not self._newest:
            return None
        command = self._newest.popleft()
        self.counts["commands"] += 1
        reasons = [refusal] if refusal else self._filter.why_refused(*command, now_ns)
        if reasons:
            self._note("refused", reasons, self.refused, now_ns)
            return None
        position, bends = self._filter.within_limits(command.position)
        if bends:
            self._note("bent", bends, self.bent, now_ns)
        return position

    def _note(self, what: str, reasons: list[str], counts: Counter[str], now_ns: int) -> None:
        self.counts[f"{what}_commands"] += 1
        counts.update(reasons)
        self.last_trouble, self.last_trouble_ns = f"command {what}: {', '.join(reasons)}", now_ns


class Interpolation:
    """The straight line from where the last one had come to the newest command, run through in one period."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._start: list[float] = []
        self._end: list[float] = []
        self._begin_s = 0.0

    def restart(self, position: Sequence[float]) -> None:
        """At rest at `position` (6) [rad]."""
        self._start = self._end = list(position)

    def towards(self, position: list[float], now_s: float) -> None:
        self._start, self._end, self._begin_s = self.at(now_s), position, now_s

    def at(self, now_s: float) -> list[float]:
        share = (now_s - self._begin_s) / self._period_s
        if share >= 1.0:
            return self._end
        return [start + share * (end - start) for start, end in zip(self._start, self._end, strict=True)]
