"""How long nobody has commanded the arm, on a clock that nobody sets."""

from __future__ import annotations

import math


class Watchdog:
    """hold_after_s without a command: hold. lower_after_s after the last motion: lower; 0 = never."""

    def __init__(self, hold_after_s: float, lower_after_s: float) -> None:
        self._hold_after_s = hold_after_s
        self._lower_after_s = lower_after_s or math.inf
        self._heard_s = -math.inf
        self._busy_s = -math.inf

    def heard(self, now_s: float) -> None:
        self._heard_s = self._busy_s = now_s

    def forget(self) -> None:
        """What was heard so far counts no more."""
        self._heard_s = -math.inf

    def busy(self, now_s: float) -> None:
        """Something else than commands keeps the arm from being left alone."""
        self._busy_s = now_s

    @property
    def ever_heard(self) -> bool:
        return self._heard_s > -math.inf

    def silence_s(self, now_s: float) -> float:
        return now_s - self._heard_s

    def commanded(self, now_s: float) -> bool:
        return now_s - self._heard_s <= self._hold_after_s

    def left_alone(self, now_s: float) -> bool:
        return now_s - self._busy_s >= self._lower_after_s
