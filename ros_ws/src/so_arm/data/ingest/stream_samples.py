"""The samples of one stream that a coming tick may still take, and what became of the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any


@dataclass
class StreamCounts:
    """received: samples of the episode. used: by a row. repeated: rows that took a sample which a row had before.

    missing: ticks without a sample within tolerance. late: came after their tick was decided. backwards: stamp before
    that of the sample before. doubled: same stamp as another one. lost: were published, and never came.
    """

    received: int = 0
    used: int = 0
    repeated: int = 0
    missing: int = 0
    late: int = 0
    backwards: int = 0
    doubled: int = 0
    lost: int = 0

    @property
    def unused(self) -> int:
        """Nearest to no tick, as most samples of a stream faster than the grid."""
        return self.received - self.used - self.late - self.doubled

    @property
    def oddities(self) -> dict[str, int]:
        """What should not be: every count but those of a sound stream, without noughts."""
        return {name: count for name, count in vars(self).items() if count and name not in ("received", "used")}


@dataclass(frozen=True)
class StreamRule:
    """tolerance_ns: how far a sample may be from the moment it is for. ahead_ns: that moment minus the tick's.

    required: without it there is no row.
    """

    tolerance_ns: int
    ahead_ns: int = 0
    required: bool = True


class StreamSamples:
    """Samples in the order of their stamps, which need not be that of their arrival."""

    def __init__(self, rule: StreamRule) -> None:
        self.rule = rule
        self.counts = StreamCounts()
        self.first_ns: int | None = None
        self.newest_ns: int | None = None  #: the latest stamp
        self.step_back_ns = 0  #: the farthest that a stamp lay before the one before
        self._stamps: list[int] = []
        self._values: list[Any] = []
        self._last_ns: int | None = None  # of the sample that came last
        self._used_ns: int | None = None

    def add(self, stamp_ns: int, value: Any, decided_ns: int | None) -> None:
        """A sample; `decided_ns` is the moment of the newest tick that needs none any more."""
        counts = self.counts
        counts.received += 1
        self._note_order(stamp_ns)
        place = bisect_left(self._stamps, stamp_ns)
        if place < len(self._stamps) and self._stamps[place] == stamp_ns:
            counts.doubled += 1
        elif decided_ns is not None and stamp_ns <= decided_ns + self.rule.ahead_ns:
            counts.late += 1
        else:
            self._stamps.insert(place, stamp_ns)
            self._values.insert(place, value)
            self.first_ns = stamp_ns if self.first_ns is None else min(self.first_ns, stamp_ns)
            self.newest_ns = stamp_ns if self.newest_ns is None else max(self.newest_ns, stamp_ns)

    def fall_back(self, stamp_ns: int) -> None:
        """A sample whose stamp is older than the episode, although younger ones were there."""
        self.counts.received += 1
        self.counts.late += 1
        self._note_order(stamp_ns)

    def knows(self, tick_ns: int) -> bool:
        """Whether a sample at or after the tick's moment is there, so that its nearest one is known."""
        return self.newest_ns is not None and self.newest_ns >= tick_ns + self.rule.ahead_ns

    def nearest(self, tick_ns: int) -> tuple[int, Any] | None:
        """Stamp and value of the sample nearest to the tick's moment, the earlier of two; None beyond tolerance."""
        moment = tick_ns + self.rule.ahead_ns
        after = bisect_left(self._stamps, moment)
        places = [place for place in (after - 1, after) if 0 <= place < len(self._stamps)]
        place = min(places, key=lambda place: abs(self._stamps[place] - moment), default=None)
        if place is None or abs(self._stamps[place] - moment) > self.rule.tolerance_ns:
            return None
        return self._stamps[place], self._values[place]

    def use(self, stamp_ns: int) -> None:
        """A row takes the sample of that stamp; rows come in order."""
        if stamp_ns == self._used_ns:
            self.counts.repeated += 1
        else:
            self.counts.used += 1
        self._used_ns = stamp_ns

    def forget_before(self, tick_ns: int) -> None:
        """That tick and the earlier ones are decided; only the last sample up to it may serve again."""
        keep = max(bisect_right(self._stamps, tick_ns + self.rule.ahead_ns) - 1, 0)
        del self._stamps[:keep], self._values[:keep]

    def _note_order(self, stamp_ns: int) -> None:
        if self._last_ns is not None and stamp_ns < self._last_ns:
            self.counts.backwards += 1
            self.step_back_ns = max(self.step_back_ns, self._last_ns - stamp_ns)
        self._last_ns = stamp_ns
