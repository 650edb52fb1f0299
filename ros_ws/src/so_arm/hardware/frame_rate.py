"""How many frames per second really come."""

from __future__ import annotations

import time
from collections import deque

WINDOW_S = 5.0
#: A shorter look would take the unsteadiness of single frames for the rate.
SHORTEST_S = 2.0


class FrameRate:
    """Frames of the last `WINDOW_S` seconds; counted in one thread, read in any."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._start_s: float | None = None

    def restart(self) -> None:
        """A source was opened: what was before does not count."""
        self._times.clear()
        self._start_s = None

    def count(self) -> None:
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s  # the first frame begins the measurement and is not part of it
            return
        self._times.append(now_s)
        while self._times[0] < now_s - 2 * WINDOW_S:
            self._times.popleft()

    def read(self) -> float | None:
        """[Hz]; None until it was measured for `SHORTEST_S`."""
        now_s, start_s = time.monotonic(), self._start_s
        if start_s is None or now_s - start_s < SHORTEST_S:
            return None
        begin_s = max(start_s, now_s - WINDOW_S)
        return sum(moment > begin_s for moment in tuple(self._times)) / (now_s - begin_s)
