"""A steady beat: absolute deadlines on the monotonic clock, misses counted, time lost not caught up."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadlines:
    """Cycle k is due at start + k * period. A cycle that runs into the next one makes that one late, nothing more;
    cycles that are over before they could begin are left out. `missed` counts both.
    """

    def __init__(
        self,
        period_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._period_s, self._clock, self._sleep = period_s, clock, sleep
        self.missed = 0
        self._due_s = clock()

    def restart(self) -> None:
        """The next cycle is due now; the time before was not meant to have cycles."""
        self._due_s = self._clock()

    @property
    def left_s(self) -> float:
        """Time until the next cycle is due [s]."""
        return self._due_s - self._clock()

    def wait(self) -> None:
        """Sleeps until the next cycle is due."""
        late_s = self._clock() - self._due_s
        if late_s > 0:
            lost = int(late_s / self._period_s)
            self.missed += 1 + lost
            self._due_s += lost * self._period_s
        else:
            while (left_s := self._due_s - self._clock()) > 0:
                self._sleep(left_s)
        self._due_s += self._period_s
