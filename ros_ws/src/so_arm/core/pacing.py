"""Which joint states the policy answers: one per control tick, however fast the arm reports."""

from __future__ import annotations


class TickPacer:
    """Picks one of the states of each control period; a source that is as slow as the ticks loses none.

    period_ns: control period. In the mean one state per period is picked, each at most half a period early.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._due_ns: int | None = None

    def reset(self) -> None:
        """A new episode: its first state is picked."""
        self._due_ns = None

    def picks(self, stamp_ns: int) -> bool:
        """True when the state stamped `stamp_ns` is to be answered; call once per state, in order."""
        half_ns = self._period_ns // 2
        if self._due_ns is None:
            self._due_ns = stamp_ns
        if stamp_ns < self._due_ns - half_ns:
            return False
        # A source that comes late, or paused, sets the pace anew: what was missed is not made up for.
        self._due_ns = max(self._due_ns + self._period_ns, stamp_ns + half_ns)
        return True
