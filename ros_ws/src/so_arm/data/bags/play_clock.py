"""When a recorded message is due: on absolute deadlines, so that a late one does not make all others late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: A waiting thread looks this often whether it is to end [s].
_LOOK_S = 0.1


class PlayClock:
    """Bag time, which runs with `rate` times the speed of the clock on the wall; it stands still at `bag_ns` at first.

    May be used from several threads.
    """

    def __init__(self, bag_ns: int, rate: float = 1.0, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._rate = rate
        self._monotonic_ns = monotonic_ns
        self._bag_ns = bag_ns  # when it was last set going, or stopped
        self._running_since_ns: int | None = None
        self._changed = threading.Condition()

    def now_ns(self) -> int:
        """Bag time [ns]."""
        with self._changed:
            return self._now_ns()

    def run(self, running: bool) -> None:
        """Go on, or stand still."""
        with self._changed:
            self._bag_ns = self._now_ns()
            self._running_since_ns = self._monotonic_ns() if running else None
            self._changed.notify_all()

    def jump(self, bag_ns: int) -> None:
        """Have bag time be `bag_ns` now."""
        with self._changed:
            self._bag_ns = bag_ns
            if self._running_since_ns is not None:
                self._running_since_ns = self._monotonic_ns()
            self._changed.notify_all()

    def wait_until(self, bag_ns: int, ends: Callable[[], bool]) -> bool:
        """Wait until bag time is `bag_ns` and runs; False when `ends` became true before."""
        with self._changed:
            while not ends():
                left_s = (bag_ns - self._now_ns()) / self._rate / 1e9
                if self._running_since_ns is None:
                    self._changed.wait(_LOOK_S)
                elif left_s <= 0:
                    return True
                else:
                    self._changed.wait(min(left_s, _LOOK_S))
            return False

    def _now_ns(self) -> int:
        if self._running_since_ns is None:
            return self._bag_ns
        return self._bag_ns + round((self._monotonic_ns() - self._running_since_ns) * self._rate)
